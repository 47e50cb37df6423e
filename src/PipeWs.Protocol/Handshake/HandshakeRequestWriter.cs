using System.Buffers;

namespace PipeWs.Protocol.Handshake;

/// <summary>What a client asks for in its handshake.</summary>
public sealed record HandshakeOffer
{
    /// <summary>The request's target: path and query, such as <c>/ws?room=1</c>.</summary>
    public required string Target { get; init; }

    /// <summary>The Host header: host, and port where it is not the scheme's default.</summary>
    public required string Host { get; init; }

    /// <summary>The subprotocols offered, the dearest first.</summary>
    public IReadOnlyList<string> Subprotocols { get; init; } = [];

    /// <summary>The value of Sec-WebSocket-Extensions; null to offer none.</summary>
    public string? Extensions { get; init; }

    /// <summary>The Origin header; null to send none, as anything but a browser does.</summary>
    public string? Origin { get; init; }

    /// <summary>Further headers, such as Authorization.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];
}

/// <summary>Writes a client's handshake. RFC 6455, section 4.1.</summary>
public static class HandshakeRequestWriter
{
    /// <summary>Writes the request.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="offer">What is asked for.</param>
    /// <param name="key">A fresh key of <see cref="WebSocketKey.Generate"/>; <see cref="HandshakeResponseReader"/> needs the same.</param>
    /// <exception cref="ArgumentException">
    /// Something would break the request's syntax: a space or line break in the target, a subprotocol that is no token or comes twice, a header that the handshake itself sets. Nothing was written.
    /// </exception>
    public static void Write(IBufferWriter<byte> output, HandshakeOffer offer, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(offer);
        Check(offer, key);

        output.Write("GET "u8);
        HeaderWriter.WriteAscii(output, offer.Target);
        output.Write(" HTTP/1.1\r\n"u8);
        HeaderWriter.Write(output, "Host", offer.Host);
        output.Write("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "u8);
        output.Write(key);
        output.Write("\r\n"u8);
        if (offer.Subprotocols.Count > 0)
        {
            HeaderWriter.Write(output, "Sec-WebSocket-Protocol", string.Join(", ", offer.Subprotocols));
        }

        HeaderWriter.Write(output, "Sec-WebSocket-Extensions", offer.Extensions);
        HeaderWriter.Write(output, "Origin", offer.Origin);
        HeaderWriter.WriteAll(output, offer.Headers);
        output.Write("\r\n"u8);
    }

    private static void Check(HandshakeOffer offer, ReadOnlySpan<byte> key)
    {
        if (!WebSocketKey.IsValid(key))
        {
            throw new ArgumentException("The key must be 16 bytes in base64.", nameof(key));
        }

        if (offer.Target is not ['/', ..] || offer.Target.AsSpan().ContainsAnyExceptInRange('!', '~') || offer.Target.Contains('#', StringComparison.Ordinal))
        {
            throw new ArgumentException("The target must start with a slash and be visible ASCII without a fragment.", nameof(offer));
        }

        if (offer.Host.Length == 0)
        {
            throw new ArgumentException("The host must not be empty.", nameof(offer));
        }

        HeaderWriter.CheckValue(offer.Host, nameof(offer));
        for (int i = 0; i < offer.Subprotocols.Count; i++)
        {
            HeaderWriter.CheckSubprotocol(offer.Subprotocols[i], nameof(offer));
            for (int j = 0; j < i; j++)
            {
                if (offer.Subprotocols[i] == offer.Subprotocols[j])
                {
                    throw new ArgumentException("A subprotocol is offered twice (RFC 6455, 4.1).", nameof(offer));
                }
            }
        }

        HeaderWriter.CheckValue(offer.Extensions, nameof(offer));
        HeaderWriter.CheckValue(offer.Origin, nameof(offer));
        HeaderWriter.CheckAll(offer.Headers, nameof(offer));
        foreach (KeyValuePair<string, string> header in offer.Headers)
        {
            if (header.Key.ToUpperInvariant() is "HOST" or "UPGRADE" or "CONNECTION" or "CONTENT-LENGTH" or "TRANSFER-ENCODING"
                || header.Key.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"The header {header.Key} is the handshake's own.", nameof(offer));
            }
        }
    }
}
