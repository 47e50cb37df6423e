using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using PipeWs.Shared;

namespace PipeWs.Tests.Segmentation;

/// <summary>Lets a connection receive bytes that are cut in a given way, from its first to its end, on the caller's thread.</summary>
internal static class ConnectionRun
{
    private static readonly WsHeartbeat s_heartbeat = new(new ManualTimeProvider());

    /// <exception cref="InvalidOperationException">Something came out of the connection that must not.</exception>
    public static ConnectionOutcome Run(ConnectionSetup setup, ReadOnlySpan<byte> bytes, int[] pieces, bool endsWithBytes)
    {
        var input = new ScriptedPipeReader(bytes, pieces, endsWithBytes);
        var output = new RecordedPipeWriter();
        var options = new WsConnectionOptions { MaxMessageBytes = setup.MaxMessageBytes, MaxEmptyFragments = setup.MaxEmptyFragments };
        var connection = new WsConnection(new DuplexPipePair.End(input, output), setup.Role, options, s_heartbeat, compression: setup.Compression);
        var receiver = new Receiver(setup);
        Task<WsCloseInfo> ended = connection.RunAsync(receiver);
        if (!ended.Wait(TimeSpan.FromSeconds(30)))
        {
            throw new InvalidOperationException("The connection did not end with its transport.");
        }

        WsCloseInfo info = ended.Result;
        if (info.Exception is not null)
        {
            throw new InvalidOperationException("An exception escaped.", info.Exception);
        }

        if (output.UnflushedCount > 0)
        {
            throw new InvalidOperationException($"{output.UnflushedCount} bytes were written and never sent.");
        }

        return new ConnectionOutcome(
            string.Join('\n', receiver.Messages),
            receiver.Unfinished,
            DescribeSent(output.Flushed, setup.Role),
            info.Code,
            info.Reason,
            info.Initiator,
            info.WasClean);
    }

    public static string Describe(WsMessageType type, ReadOnlySpan<byte> payload) =>
        (type == WsMessageType.Text ? "text " : "binary ") + Convert.ToHexString(payload);

    private static string DescribeSent(ReadOnlySpan<byte> bytes, WsRole role)
    {
        var sent = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            RawFrame frame = RawFrame.TryRead(bytes, out int used) ?? throw new InvalidOperationException("Half a frame was sent.");
            if (frame.MaskingKey is null != (role == WsRole.Server) || !frame.Fin || frame.Rsv != 0)
            {
                throw new InvalidOperationException("A frame was sent that this role must not send.");
            }

            bytes = bytes[used..];
            sent.Append(frame.Opcode switch
            {
                RawFrame.Pong => "pong " + Convert.ToHexString(frame.Payload),
                RawFrame.Close => $"close {frame.CloseCode}",
                _ => throw new InvalidOperationException($"A frame of opcode {frame.Opcode} was sent, which nobody asked for."),
            }).Append('\n');
        }

        return sent.ToString();
    }

    private sealed class Receiver(ConnectionSetup setup) : WsReceiver
    {
        private readonly ArrayBufferWriter<byte> _parts = new();
        private bool _inParts;

        public List<string> Messages { get; } = [];

        public string Unfinished => _inParts ? Convert.ToHexString(_parts.WrittenSpan) : "";

        public override ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload)
        {
            if (setup.InParts(type) || _inParts)
            {
                throw new InvalidOperationException("A message came whole that was wanted in parts, or inside another.");
            }

            Messages.Add(Describe(type, payload.ToArray()));
            return default;
        }

        public override bool ReceivesParts(WsMessageType type) => setup.InParts(type);

        public override ValueTask OnPartAsync(WsMessagePart part)
        {
            if (!setup.InParts(part.Type) || part.IsFirst == _inParts)
            {
                throw new InvalidOperationException("A part came out of place.");
            }

            _inParts = !part.IsLast;
            foreach (ReadOnlyMemory<byte> segment in part.Payload)
            {
                _parts.Write(segment.Span);
            }

            if (part.IsLast)
            {
                Messages.Add(Describe(part.Type, _parts.WrittenSpan));
                _parts.ResetWrittenCount();
            }

            return default;
        }
    }
}
