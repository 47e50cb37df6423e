using System.Globalization;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>When a client must fail its handshake. RFC 6455, section 4.1, the list at the end of the server's answer.</summary>
public static class HandshakeResponseRules
{
    /// <summary>Judges an answer.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="offer">What was asked for.</param>
    /// <param name="key">The key that was sent.</param>
    /// <returns>What is wrong, in plain words with the status and the start of a refusal's body; null where the connection is established.</returns>
    public static string? Check(HandshakeResponse response, HandshakeOffer offer, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(response);
        ArgumentNullException.ThrowIfNull(offer);
        if (response.StatusCode != 101)
        {
            return DescribeRefusal(response);
        }

        if (!response.IsHttp11)
        {
            return "The server's answer is not HTTP/1.1.";
        }

        if (!response.UpgradeWebSocket || !response.ConnectionUpgrade)
        {
            return "The server switched protocols, but not to WebSocket: its answer lacks 'Upgrade: websocket' or 'Connection: Upgrade'.";
        }

        Span<byte> accept = stackalloc byte[WebSocketAccept.Length];
        if (response.AcceptCount != 1
            || response.Accept!.Length != WebSocketAccept.Length
            || Encoding.ASCII.GetBytes(response.Accept, accept) != WebSocketAccept.Length
            || !WebSocketAccept.Matches(key, accept))
        {
            return "The server's Sec-WebSocket-Accept is missing, repeated or not the answer to the key: it is not a WebSocket server, or a cache answered in its place.";
        }

        if (response.SubprotocolCount > 1 || (response.Subprotocol is not null && !offer.Subprotocols.Contains(response.Subprotocol)))
        {
            return "The server chose a subprotocol that was not offered.";
        }

        return CheckExtensions(response.Extensions, offer.Extensions);
    }

    private static string? CheckExtensions(string? accepted, string? offered)
    {
        var reader = new ExtensionHeaderReader(accepted);
        while (reader.TryReadExtension(out ReadOnlySpan<char> name))
        {
            if (!IsOffered(name, offered))
            {
                return "The server uses an extension that was not offered.";
            }
        }

        return reader.IsMalformed ? "The server's Sec-WebSocket-Extensions is malformed." : null;
    }

    private static bool IsOffered(ReadOnlySpan<char> name, string? offered)
    {
        var offers = new ExtensionHeaderReader(offered);
        while (offers.TryReadExtension(out ReadOnlySpan<char> offer))
        {
            if (offer.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }

    private static string DescribeRefusal(HandshakeResponse response)
    {
        string status = string.Create(CultureInfo.InvariantCulture, $"{response.StatusCode} {response.ReasonPhrase}").TrimEnd();
        string text = response.StatusCode is >= 300 and < 400
            ? $"The server answered {status}: a redirect{(response.Location is null ? "" : $" to {WithoutQuery(response.Location)}")}. Redirects are not followed, so that credentials reach no other server; connect to the new address directly."
            : $"The server refused the handshake: {status}{(response.BodyExcerpt.Length == 0 ? "" : ": " + response.BodyExcerpt)}";

        // Phrases may hold bytes from 0x80 on (RFC 9112, section 4), and 0x9B begins a terminal's escape sequence as well as ESC does.
        return string.Concat(text.Select(static c => char.IsControl(c) ? ' ' : c));
    }

    // Queries carry tokens, and this text ends up in logs.
    private static string WithoutQuery(string location)
    {
        int query = location.AsSpan().IndexOfAny('?', '#');
        return query < 0 ? location : location[..query];
    }
}
