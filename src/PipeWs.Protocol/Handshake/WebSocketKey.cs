using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace PipeWs.Protocol.Handshake;

/// <summary>Sec-WebSocket-Key: 16 random bytes in base64. RFC 6455, section 4.1.</summary>
public static class WebSocketKey
{
    /// <summary>A key's length in bytes: base64 of 16 bytes.</summary>
    public const int Length = 24;

    private const int NonceBytes = 16;

    /// <summary>Whether a header's value is base64 that decodes to 16 bytes.</summary>
    public static bool IsValid(ReadOnlySpan<byte> value)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes + 2];
        return value.Length == Length
            && Base64.DecodeFromUtf8(value, nonce, out int consumed, out int written) == OperationStatus.Done
            && consumed == Length
            && written == NonceBytes;
    }

    /// <summary>Writes a new key from the system's cryptographic random numbers.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public static void Generate(Span<byte> destination)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        RandomNumberGenerator.Fill(nonce);
        Base64.EncodeToUtf8(nonce, destination, out _, out _);
    }
}
