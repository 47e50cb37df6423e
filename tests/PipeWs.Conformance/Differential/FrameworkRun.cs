using System.Net.WebSockets;
using PipeWs.Shared;
using PipeWs.Tests.Segmentation;

namespace PipeWs.Conformance.Differential;

/// <summary>Lets System.Net.WebSockets receive bytes that are cut in a given way, and answers a close frame as an application does.</summary>
internal static class FrameworkRun
{
    /// <summary>What came of it. <see cref="ConnectionOutcome.Reason"/> is the exception's message where one was thrown.</summary>
    public static async Task<ConnectionOutcome> RunAsync(ConnectionSetup setup, byte[] bytes, int[] pieces)
    {
        var stream = new ScriptedStream(bytes, pieces);
        using WebSocket socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions
        {
            IsServer = setup.Role == WsRole.Server,
            KeepAliveInterval = TimeSpan.Zero,
            DangerousDeflateOptions = setup.Compression is not { } agreed ? null : new WebSocketDeflateOptions
            {
                ClientContextTakeover = !agreed.ClientNoContextTakeover,
                ServerContextTakeover = !agreed.ServerNoContextTakeover,
            },
        });
        var received = new List<string>();
        var message = new List<byte>();
        var buffer = new byte[4096];
        string? error = null;
        ushort code = 1006;
        bool wasClean = false;
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    code = (ushort)socket.CloseStatus!.Value;
                    await socket.CloseOutputAsync(socket.CloseStatus!.Value, null, CancellationToken.None);
                    wasClean = true;
                    break;
                }

                message.AddRange(buffer.AsSpan(0, result.Count));
                if (result.EndOfMessage)
                {
                    received.Add(ConnectionRun.Describe(result.MessageType == WebSocketMessageType.Text ? WsMessageType.Text : WsMessageType.Binary, message.ToArray()));
                    message.Clear();
                }
            }
        }
        catch (WebSocketException e)
        {
            error = e.Message;
        }

        string sent = Describe(stream.Written, ref code, wasClean);
        WsCloseInitiator initiator = wasClean ? WsCloseInitiator.Remote : code == 1006 ? WsCloseInitiator.Transport : WsCloseInitiator.Local;
        return new ConnectionOutcome(string.Join('\n', received), null, sent, code, error, initiator, wasClean);
    }

    private static string Describe(ReadOnlySpan<byte> written, ref ushort code, bool wasClean)
    {
        var sent = new System.Text.StringBuilder();
        while (!written.IsEmpty)
        {
            RawFrame frame = RawFrame.TryRead(written, out int used) ?? throw new InvalidDataException("Half a frame was sent.");
            written = written[used..];
            sent.Append(frame.Opcode == RawFrame.Close ? $"close {frame.CloseCode}" : "pong " + Convert.ToHexString(frame.Payload)).Append('\n');
            if (frame.Opcode == RawFrame.Close && !wasClean)
            {
                code = (ushort)frame.CloseCode;
            }
        }

        return sent.ToString();
    }
}
