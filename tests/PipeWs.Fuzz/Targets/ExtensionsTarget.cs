using System.Text;
using System.Text.RegularExpressions;
using PipeWs.Fuzz.Engine;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Fuzz.Targets;

/// <summary>
/// Sec-WebSocket-Extensions and Sec-WebSocket-Protocol, as both ends read them. Oracles: what was read is tokens and reads the same when it is written again; what is granted is what the
/// server allows and what a regular expression of RFC 7692 would grant. First two bytes: what this end wants.
/// </summary>
internal sealed partial class ExtensionsTarget : FuzzTarget
{
    public override string Name => "extensions";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. ((string[])
        [
            "permessage-deflate", "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits", "=8", "=9", "=15", "=16", "=7", "=010", "=\"10\"", "; ", ", ", "=", "\"", "\\", "x-webkit-deflate-frame",
            ",,", "\t", "é",
        ]).Select(Encoding.Latin1.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            string[] values =
            [
                "permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9; server_no_context_takeover; client_no_context_takeover",
                "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=\"12\"", "x; y=z, , permessage-deflate", "permessage-deflate; a=\"b", "a, b;c", "chat, superchat", "permessage-deflate; client_max_window_bits; client_max_window_bits",
            ];
            foreach (byte choices in (byte[])[0xFF, 0x00, 0x34])
            {
                foreach (string value in values)
                {
                    yield return [choices, choices, .. Encoding.Latin1.GetBytes(value)];
                }
            }
        }
    }

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        int bits = bytes.Next();
        int takeover = bytes.Next();
        var wanted = new DeflateParameters(8 + (bits & 7), 8 + ((bits >> 3) & 7), (takeover & 1) != 0, (takeover & 2) != 0);
        string value = Encoding.Latin1.GetString(bytes.Rest);

        string written = WriteAgain(value, out bool isMalformed);
        Assert.Equal(written, WriteAgain(written, out bool isMalformedAgain));
        Assert.False(isMalformedAgain);

        if (DeflateNegotiation.TryAccept(value, wanted, out DeflateParameters agreed, out string answer))
        {
            string granted = AsAnswer().Match(answer).Value;
            Assert.Equal(answer, granted);
            Assert.InRange(agreed.ServerMaxWindowBits, 8, wanted.ServerMaxWindowBits);
            Assert.True(agreed.ServerNoContextTakeover || !wanted.ServerNoContextTakeover);
            Assert.True(agreed.ClientNoContextTakeover || !wanted.ClientNoContextTakeover);

            // Somewhere in what was offered there is an element that is legal by the letter, and all that it asked for is granted.
            Assert.Contains(value.Split(','), element => AsOffer().IsMatch(element.Trim(' ', '\t')) && IsGranted(element, agreed, wanted));
        }
        else if (!isMalformed)
        {
            Assert.DoesNotContain(value.Split(','), static element => AsOffer().IsMatch(element.Trim(' ', '\t')) && HasNothingTwice(element));
        }

        // What a server granted of our own offer, a client of ours must take.
        string offered = DeflateNegotiation.WriteOffer(wanted);
        Assert.True(DeflateNegotiation.TryAccept(offered, new DeflateParameters(8 + (takeover >> 5), 8 + ((takeover >> 2) & 7)), out DeflateParameters server, out string mine));
        Assert.Null(DeflateNegotiation.CheckAnswer(mine, wanted, out DeflateParameters? client));
        Assert.Equal(server, client!.Value);

        string? wrong = DeflateNegotiation.CheckAnswer(value, wanted, out DeflateParameters? answered);
        Assert.True(wrong is null || answered is null);
        Assert.False(isMalformed && wrong is null);
        if (answered is { } taken)
        {
            Assert.InRange(taken.ServerMaxWindowBits, 8, wanted.ServerMaxWindowBits);
            Assert.InRange(taken.ClientMaxWindowBits, 8, wanted.ClientMaxWindowBits);
            Assert.True(taken.ServerNoContextTakeover || !wanted.ServerNoContextTakeover);
        }

        string? selected = SubprotocolNegotiator.Select(value, ["chat", "a"]);
        string[] elements = [.. value.Split(',').Select(static element => element.Trim(' ', '\t'))];
        Assert.Equal(elements.Contains("chat") ? "chat" : elements.Contains("a") ? "a" : null, selected);
        Assert.Equal(elements.All(static element => element.Length == 0 || AsToken().IsMatch(element)), SubprotocolNegotiator.IsWellFormed(value));
    }

    /// <summary>All that is read before the grammar is broken.</summary>
    private static string WriteAgain(string value, out bool isMalformed)
    {
        var text = new StringBuilder();
        var reader = new ExtensionHeaderReader(value);
        while (reader.TryReadExtension(out ReadOnlySpan<char> name))
        {
            Assert.Matches(AsToken(), name.ToString());
            int start = text.Length;
            text.Append(start == 0 ? "" : ", ").Append(name);
            while (reader.TryReadParameter(out ExtensionParameter parameter))
            {
                Assert.Matches(AsToken(), parameter.Name.ToString());
                text.Append("; ").Append(parameter.Name);
                if (parameter.HasValue)
                {
                    Assert.Matches(AsToken(), parameter.Value.ToString());
                    text.Append('=').Append(parameter.Value);
                }
            }

            if (reader.IsMalformed)
            {
                text.Length = start;
            }
        }

        isMalformed = reader.IsMalformed;
        return text.ToString();
    }

    private static bool HasNothingTwice(string element)
    {
        string[] names = [.. element.Split(';').Skip(1).Select(static parameter => parameter.Split('=')[0].Trim(' ', '\t'))];
        return names.Distinct().Count() == names.Length;
    }

    private static bool IsGranted(string element, DeflateParameters agreed, DeflateParameters wanted)
    {
        if (!HasNothingTwice(element))
        {
            return false;
        }

        Match server = ServerBits().Match(element);
        Match client = ClientBits().Match(element);
        return (!element.Contains("server_no_context_takeover", StringComparison.Ordinal) || agreed.ServerNoContextTakeover)
            && (!element.Contains("client_no_context_takeover", StringComparison.Ordinal) || agreed.ClientNoContextTakeover)
            && (!server.Success || agreed.ServerMaxWindowBits <= int.Parse(server.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))
            && (!client.Success ? agreed.ClientMaxWindowBits == 15 : agreed.ClientMaxWindowBits <= wanted.ClientMaxWindowBits);
    }

    [GeneratedRegex(@"\A[!#$%&'*+\-.^_`|~0-9A-Za-z]+\z")]
    private static partial Regex AsToken();

    [GeneratedRegex(@"\Apermessage-deflate(; (server|client)_no_context_takeover|; (server|client)_max_window_bits=([89]|1[0-5]))*\z")]
    private static partial Regex AsAnswer();

    [GeneratedRegex(@"\Apermessage-deflate([ \t]*;[ \t]*((server|client)_no_context_takeover|client_max_window_bits|(server|client)_max_window_bits[ \t]*=[ \t]*([89]|1[0-5]|""([89]|1[0-5])"")))*\z")]
    private static partial Regex AsOffer();

    [GeneratedRegex(@"server_max_window_bits[ \t]*=[ \t]*""?(\d+)")]
    private static partial Regex ServerBits();

    [GeneratedRegex(@"client_max_window_bits")]
    private static partial Regex ClientBits();
}
