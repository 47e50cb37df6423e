namespace PipeWs.Protocol.Handshake;

/// <summary>
/// Agrees on a subprotocol. The server's order of preference decides: the first of its own list that the client offers. RFC 6455, sections 1.9 and 4.2.2.
/// </summary>
public static class SubprotocolNegotiator
{
    /// <summary>Whether a text can be a subprotocol's name: a token.</summary>
    public static bool IsSubprotocol(string? text) => HttpSyntax.IsToken(text);

    /// <summary>Whether what a client offered is a list of tokens, empty elements aside; true where it offered nothing.</summary>
    public static bool IsWellFormed(string? offered)
    {
        ReadOnlySpan<char> rest = offered;
        while (TryTakeElement(ref rest, out ReadOnlySpan<char> element))
        {
            if (!element.IsEmpty && !HttpSyntax.IsToken(element))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Picks the subprotocol to speak.</summary>
    /// <param name="offered">The client's Sec-WebSocket-Protocol; null where there is none.</param>
    /// <param name="supported">What the server speaks, the dearest first.</param>
    /// <returns>One of <paramref name="supported"/>, or null where there is none in common. Names are case-sensitive.</returns>
    public static string? Select(string? offered, IList<string> supported)
    {
        ArgumentNullException.ThrowIfNull(supported);
        for (int i = 0; i < supported.Count; i++)
        {
            if (Contains(offered, supported[i]))
            {
                return supported[i];
            }
        }

        return null;
    }

    /// <summary>Whether a list of subprotocols holds one.</summary>
    public static bool Contains(string? offered, ReadOnlySpan<char> subprotocol)
    {
        ReadOnlySpan<char> rest = offered;
        while (TryTakeElement(ref rest, out ReadOnlySpan<char> element))
        {
            if (element.SequenceEqual(subprotocol))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryTakeElement(ref ReadOnlySpan<char> rest, out ReadOnlySpan<char> element)
    {
        if (rest.IsEmpty)
        {
            element = default;
            return false;
        }

        int comma = rest.IndexOf(',');
        element = (comma < 0 ? rest : rest[..comma]).Trim(" \t");
        rest = comma < 0 ? default : rest[(comma + 1)..];
        return true;
    }
}
