using System.Text;
using PipeWs.Shared;

namespace PipeWs.Conformance.Matrix;

/// <summary>Short names for frames and payloads.</summary>
internal static class Frames
{
    private static readonly byte[] s_sample = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!\u03ba\u1f79\u03c3\u03bc\u03b5\ud83d\ude00"u8.ToArray();

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    public static byte[] Hex(string hex) => RawPeer.Hex(hex);

    /// <summary>So many bytes of text with characters of all lengths.</summary>
    public static byte[] TextOf(int bytes)
    {
        byte[] text = new byte[bytes];
        text.AsSpan().Fill((byte)'*');
        int length = 0;
        for (; length + s_sample.Length <= bytes; length += s_sample.Length)
        {
            s_sample.CopyTo(text, length);
        }

        return text;
    }

    /// <summary>So many bytes that are no text, the same in every run.</summary>
    public static byte[] BinaryOf(int bytes)
    {
        byte[] binary = new byte[bytes];
        new Random(bytes).NextBytes(binary);
        if (bytes > 0)
        {
            binary[^1] = 0xFE;
        }

        return binary;
    }

    public static byte[] Of(int opcode, int bytes) => opcode == RawFrame.Text ? TextOf(bytes) : BinaryOf(bytes);

    public static string NameOf(int opcode) => opcode switch
    {
        RawFrame.Continuation => "continuation",
        RawFrame.Text => "text",
        RawFrame.Binary => "binary",
        RawFrame.Close => "close",
        RawFrame.Ping => "ping",
        RawFrame.Pong => "pong",
        _ => $"opcode-{opcode:X}",
    };

    public static WireFrame Text(string text, bool fin = true) => new(RawFrame.Text, Utf8(text), fin);

    public static WireFrame Text(byte[] payload, bool fin = true) => new(RawFrame.Text, payload, fin);

    public static WireFrame Binary(byte[] payload, bool fin = true) => new(RawFrame.Binary, payload, fin);

    public static WireFrame Continuation(byte[] payload, bool fin = true) => new(RawFrame.Continuation, payload, fin);

    public static WireFrame Ping(byte[] payload) => new(RawFrame.Ping, payload);

    public static WireFrame Ping(string payload = "") => new(RawFrame.Ping, Utf8(payload));

    public static WireFrame Pong(byte[] payload) => new(RawFrame.Pong, payload);

    public static WireFrame Close(int? code, string reason = "") => new(RawFrame.Close, code is { } known ? RawFrame.ClosePayload(known, reason) : []);
}
