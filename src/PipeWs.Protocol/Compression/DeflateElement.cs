using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Compression;

/// <summary>One element of Sec-WebSocket-Extensions that names permessage-deflate, as it was written. It never judges an offer against an answer: <see cref="DeflateNegotiation"/> does.</summary>
internal struct DeflateElement
{
    /// <summary>Named without a value, as only an offer's client_max_window_bits may be.</summary>
    internal const int NoValue = 0;

    /// <summary>Not named at all.</summary>
    internal const int Absent = -1;

    internal bool ServerNoContextTakeover;
    internal bool ClientNoContextTakeover;
    internal int ServerMaxWindowBits;
    internal int ClientMaxWindowBits;

    /// <summary>Reads the parameters of the element the reader is at.</summary>
    /// <returns>
    /// Whether each is known, named once and has a legal value. "A server MUST decline an extension negotiation offer" and "a client MUST _Fail the WebSocket Connection_" where one is
    /// not (RFC 7692, section 7.1).
    /// </returns>
    internal static bool TryRead(ref ExtensionHeaderReader reader, bool isOffer, out DeflateElement element)
    {
        element = new DeflateElement { ServerMaxWindowBits = Absent, ClientMaxWindowBits = Absent };
        bool isLegal = true;
        while (reader.TryReadParameter(out ExtensionParameter parameter))
        {
            isLegal &= parameter.Name switch
            {
                "server_no_context_takeover" => TrySet(ref element.ServerNoContextTakeover, parameter),
                "client_no_context_takeover" => TrySet(ref element.ClientNoContextTakeover, parameter),
                "server_max_window_bits" => TrySet(ref element.ServerMaxWindowBits, parameter, mayLackValue: false),
                "client_max_window_bits" => TrySet(ref element.ClientMaxWindowBits, parameter, mayLackValue: isOffer),
                _ => false,
            };
        }

        return isLegal && !reader.IsMalformed;
    }

    private static bool TrySet(ref bool flag, in ExtensionParameter parameter)
    {
        bool isFirst = !flag;
        flag = true;
        return isFirst && !parameter.HasValue;
    }

    private static bool TrySet(ref int bits, in ExtensionParameter parameter, bool mayLackValue)
    {
        bool isFirst = bits == Absent;
        bits = NoValue;
        return isFirst && (parameter.HasValue ? TryParseBits(parameter.Value, out bits) : mayLackValue);
    }

    // "a decimal integer value without leading zeroes between 8 to 15, inclusive" (RFC 7692, section 7.1.2).
    private static bool TryParseBits(ReadOnlySpan<char> text, out int bits)
    {
        bits = text switch
        {
            ['8' or '9'] => text[0] - '0',
            ['1', >= '0' and <= '5'] => 10 + text[1] - '0',
            _ => NoValue,
        };
        return bits != NoValue;
    }
}
