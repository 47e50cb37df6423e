using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace PipeWs.Protocol.Handshake;

/// <summary>Sec-WebSocket-Accept: base64 of SHA-1 of the key and a fixed GUID. It proves that the server read the key. RFC 6455, section 4.2.2.</summary>
public static class WebSocketAccept
{
    /// <summary>Its length in bytes: base64 of 20 bytes.</summary>
    public const int Length = 28;

    private static ReadOnlySpan<byte> KeyGuid => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;

    /// <summary>Writes the answer to a key.</summary>
    /// <param name="key">The Sec-WebSocket-Key as sent, <see cref="WebSocketKey.Length"/> bytes.</param>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "RFC 6455 asks for SHA-1; nothing secret rests on it.")]
    public static void Write(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, WebSocketKey.Length);
        Span<byte> input = stackalloc byte[WebSocketKey.Length + KeyGuid.Length];
        key.CopyTo(input);
        KeyGuid.CopyTo(input[WebSocketKey.Length..]);
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData(input, hash);
        Base64.EncodeToUtf8(hash, destination, out _, out _);
    }

    /// <summary>Whether a server's answer is the one to the key.</summary>
    public static bool Matches(ReadOnlySpan<byte> key, ReadOnlySpan<byte> accept)
    {
        Span<byte> expected = stackalloc byte[Length];
        Write(key, expected);
        return accept.SequenceEqual(expected);
    }
}
