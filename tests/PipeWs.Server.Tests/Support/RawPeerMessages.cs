using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using PipeWs.Protocol.Framing;

namespace PipeWs.Server.Tests.Support;

/// <summary>Messages over a raw peer.</summary>
internal static class RawPeerMessages
{
    /// <summary>Bytes as the RFC writes them: hexadecimal, with blanks.</summary>
    public static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    public static Task SendTextAsync(this RawPeer peer, string text) => peer.SendFrameAsync(Opcode.Text, Encoding.UTF8.GetBytes(text));

    /// <summary>Reads a whole text message in one frame.</summary>
    public static async Task<string> ReadTextAsync(this RawPeer peer)
    {
        RawFrame frame = await peer.ReadFrameAsync();
        Assert.True(frame.Opcode == Opcode.Text, $"{frame.Opcode} {frame.CloseCode} came where text was expected.");
        Assert.True(frame.Fin);
        Assert.False(frame.Masked);
        return frame.Text;
    }

    public static async Task<JsonElement> ReadJsonAsync(this RawPeer peer)
    {
        using JsonDocument document = JsonDocument.Parse(await peer.ReadTextAsync());
        return document.RootElement.Clone();
    }

    /// <summary>Reads messages up to the first that is none of a room's.</summary>
    public static async Task<(List<long> Numbers, JsonElement Other)> ReadNumbersAsync(this RawPeer peer)
    {
        var numbers = new List<long>();
        while (true)
        {
            JsonElement json = await peer.ReadJsonAsync();
            if (json.GetProperty("type").GetString() != "message")
            {
                return (numbers, json);
            }

            numbers.Add(json.GetProperty("sn").GetInt64());
        }
    }

    /// <summary>Sends a message and expects exactly this one to come next.</summary>
    public static async Task AskAsync(this RawPeer peer, string request, string answer)
    {
        await peer.SendTextAsync(request);
        Assert.Equal(answer, await peer.ReadTextAsync());
    }

    /// <summary>Once it was answered the hub has listed the connection everywhere: the welcome may come before that.</summary>
    public static Task SettleAsync(this RawPeer peer) => peer.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");

    /// <summary>Joins a room and gives its epoch and head.</summary>
    public static async Task<(string Epoch, long Head)> SubscribeAsync(this RawPeer peer, string topic, string since = "")
    {
        await peer.SendTextAsync($$"""{"id":"s","type":"subscribe","topic":"{{topic}}"{{since}}}""");
        JsonElement ack = await peer.ReadJsonAsync();
        Assert.True(ack.GetProperty("type").GetString() == "ack", ack.GetRawText());
        return (ack.GetProperty("epoch").GetString()!, ack.GetProperty("sn").GetInt64());
    }

    public static async Task<RawFrame> ReadCloseAsync(this RawPeer peer, int code)
    {
        RawFrame frame = await peer.ReadFrameAsync();
        Assert.True(frame.Opcode == Opcode.Close, $"{frame.Opcode} \"{frame.Text}\" came where a close frame was expected.");
        Assert.Equal(code, frame.CloseCode);
        return frame;
    }

    /// <summary>The closing handshake, begun by the peer, and the end of the transport.</summary>
    public static async Task CloseAsync(this RawPeer peer)
    {
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
        await peer.ReadCloseAsync(1000);
        await peer.AssertClosedAsync();
    }

    /// <summary>Ends what this peer sends: FIN, without a close frame.</summary>
    public static void Finish(this RawPeer peer) => peer.Socket.Shutdown(SocketShutdown.Send);
}
