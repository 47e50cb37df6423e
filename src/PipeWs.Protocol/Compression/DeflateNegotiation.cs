using System.Globalization;
using System.Text;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Compression;

/// <summary>
/// Agrees on permessage-deflate: a server picks from a client's offers, a client writes an offer and judges the answer. No exception escapes for
/// anything a peer can send. RFC 7692, sections 5 and 7.1.
/// </summary>
public static class DeflateNegotiation
{
    /// <summary>The extension's name.</summary>
    public const string ExtensionName = "permessage-deflate";

    /// <summary>Takes the first of a client's offers that can be granted; the order is the client's preference.</summary>
    /// <param name="offers">The value of Sec-WebSocket-Extensions, several lines joined with a comma; null where there is none.</param>
    /// <param name="allowed">
    /// What the server would agree to: its own window at most, the client's at most where the client lets itself be told, and whether history is kept from message to message.
    /// </param>
    /// <param name="agreed">What was agreed on.</param>
    /// <param name="answer">The value of the answer's Sec-WebSocket-Extensions.</param>
    /// <param name="minServerWindowBits">
    /// An offer whose server_max_window_bits is below this is declined, 8 to 15. Default 8: none is. "A server declines an extension negotiation offer with this parameter if the server
    /// doesn't support it" (RFC 7692, section 7.1.2.1).
    /// </param>
    /// <returns><see langword="false"/> where nothing can be granted, and messages stay plain.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    /// <remarks>
    /// An offer with a parameter that is unknown, named twice or of an illegal value is declined; so is one that breaks the grammar, with all that follow it.
    /// The latter is this library's one deviation from RFC 6455 here, and it is meant. Section 9.1: "If a value is received by either the client or the server during negotiation that does
    /// not conform to the ABNF below, the recipient of such malformed data MUST immediately _Fail the WebSocket Connection_." A server that fails it tells the client nothing that declining
    /// does not, and shuts out those behind whatever mangles the header; plain messages cost nobody anything, and no byte after the wrong one is used. A client does fail, in
    /// <see cref="CheckAnswer"/>: it cannot know what the server took its own malformed answer to mean.
    /// </remarks>
    public static bool TryAccept(
        string? offers, in DeflateParameters allowed, out DeflateParameters agreed, out string answer, int minServerWindowBits = DeflateParameters.MinWindowBits)
    {
        DeflateParameters.Checked(minServerWindowBits);
        var reader = new ExtensionHeaderReader(offers);
        while (reader.TryReadExtension(out ReadOnlySpan<char> name))
        {
            if (name is ExtensionName
                && DeflateElement.TryRead(ref reader, isOffer: true, out DeflateElement offer)
                && (offer.ServerMaxWindowBits == DeflateElement.Absent || offer.ServerMaxWindowBits >= minServerWindowBits))
            {
                agreed = Grant(offer, allowed);
                answer = WriteAnswer(offer, agreed);
                return true;
            }
        }

        agreed = default;
        answer = "";
        return false;
    }

    /// <summary>Writes a client's offer.</summary>
    /// <param name="wanted">What the client asks for: a window below 15 bits or no context takeover is asked for by name.</param>
    public static string WriteOffer(in DeflateParameters wanted)
    {
        StringBuilder text = new(ExtensionName);
        AppendIf(text, wanted.ServerNoContextTakeover, "; server_no_context_takeover");
        AppendIf(text, wanted.ClientNoContextTakeover, "; client_no_context_takeover");
        if (wanted.ServerMaxWindowBits < DeflateParameters.MaxWindowBits)
        {
            AppendBits(text, "; server_max_window_bits=", wanted.ServerMaxWindowBits);
        }

        // Without a value it still tells the server that the client lets itself be told (RFC 7692, section 7.1.2.2).
        text.Append("; client_max_window_bits");
        if (wanted.ClientMaxWindowBits < DeflateParameters.MaxWindowBits)
        {
            AppendBits(text, "=", wanted.ClientMaxWindowBits);
        }

        return text.ToString();
    }

    /// <summary>Judges a server's answer to <see cref="WriteOffer"/>.</summary>
    /// <param name="answer">The value of the answer's Sec-WebSocket-Extensions; null where there is none.</param>
    /// <param name="wanted">What was offered.</param>
    /// <param name="agreed">What was agreed on; null where the server declined, and messages stay plain.</param>
    /// <returns>Why the handshake must be failed, in plain words; null where it need not.</returns>
    public static string? CheckAnswer(string? answer, in DeflateParameters wanted, out DeflateParameters? agreed)
    {
        agreed = null;
        DeflateParameters? found = null;
        var reader = new ExtensionHeaderReader(answer);
        while (reader.TryReadExtension(out ReadOnlySpan<char> name))
        {
            if (name is not ExtensionName)
            {
                return "The server uses an extension that was not offered.";
            }

            if (found is not null)
            {
                return "The server's answer names permessage-deflate twice.";
            }

            if (!DeflateElement.TryRead(ref reader, isOffer: false, out DeflateElement element))
            {
                return "The server's answer to permessage-deflate has a parameter that is unknown, repeated or of an illegal value (RFC 7692, 7.1).";
            }

            if (Breaks(element, wanted) is { } parameter)
            {
                return $"The server's answer to permessage-deflate does not keep to the offer: {parameter} (RFC 7692, 7.1).";
            }

            found = new DeflateParameters(
                element.ServerMaxWindowBits == DeflateElement.Absent ? DeflateParameters.MaxWindowBits : element.ServerMaxWindowBits,
                element.ClientMaxWindowBits == DeflateElement.Absent ? wanted.ClientMaxWindowBits : element.ClientMaxWindowBits,
                element.ServerNoContextTakeover,
                element.ClientNoContextTakeover || wanted.ClientNoContextTakeover);
        }

        if (reader.IsMalformed)
        {
            return "The server's Sec-WebSocket-Extensions is malformed.";
        }

        agreed = found;
        return null;
    }

    private static DeflateParameters Grant(in DeflateElement offer, in DeflateParameters allowed) => new(
        Math.Min(allowed.ServerMaxWindowBits, offer.ServerMaxWindowBits == DeflateElement.Absent ? DeflateParameters.MaxWindowBits : offer.ServerMaxWindowBits),
        offer.ClientMaxWindowBits switch
        {
            // "a server ... MUST NOT include" it where the client did not say that it understands: such a client's window is the largest.
            DeflateElement.Absent => DeflateParameters.MaxWindowBits,
            DeflateElement.NoValue => allowed.ClientMaxWindowBits,
            _ => Math.Min(allowed.ClientMaxWindowBits, offer.ClientMaxWindowBits),
        },
        allowed.ServerNoContextTakeover || offer.ServerNoContextTakeover,
        allowed.ClientNoContextTakeover || offer.ClientNoContextTakeover);

    // What was asked for must be in the answer; what was not may be, but for client_max_window_bits (RFC 7692, section 7.1).
    private static string WriteAnswer(in DeflateElement offer, in DeflateParameters agreed)
    {
        StringBuilder text = new(ExtensionName);
        AppendIf(text, agreed.ServerNoContextTakeover, "; server_no_context_takeover");
        AppendIf(text, agreed.ClientNoContextTakeover, "; client_no_context_takeover");
        if (agreed.ServerMaxWindowBits < DeflateParameters.MaxWindowBits || offer.ServerMaxWindowBits != DeflateElement.Absent)
        {
            AppendBits(text, "; server_max_window_bits=", agreed.ServerMaxWindowBits);
        }

        if (offer.ClientMaxWindowBits != DeflateElement.Absent && agreed.ClientMaxWindowBits < DeflateParameters.MaxWindowBits)
        {
            AppendBits(text, "; client_max_window_bits=", agreed.ClientMaxWindowBits);
        }

        return text.ToString();
    }

    private static string? Breaks(in DeflateElement answer, in DeflateParameters wanted)
    {
        if (wanted.ServerNoContextTakeover && !answer.ServerNoContextTakeover)
        {
            return "server_no_context_takeover is missing";
        }

        if (wanted.ServerMaxWindowBits < DeflateParameters.MaxWindowBits
            && (answer.ServerMaxWindowBits == DeflateElement.Absent || answer.ServerMaxWindowBits > wanted.ServerMaxWindowBits))
        {
            return "server_max_window_bits is missing or too large";
        }

        return answer.ClientMaxWindowBits > wanted.ClientMaxWindowBits ? "client_max_window_bits is too large" : null;
    }

    private static void AppendIf(StringBuilder text, bool condition, string parameter)
    {
        if (condition)
        {
            text.Append(parameter);
        }
    }

    private static void AppendBits(StringBuilder text, string parameter, int bits) => text.Append(parameter).Append(CultureInfo.InvariantCulture, $"{bits}");
}
