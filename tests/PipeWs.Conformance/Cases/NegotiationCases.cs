using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Offers of compression and what is answered, answers and what the client makes of them. RFC 7692, sections 5 and 7.1.</summary>
internal static class NegotiationCases
{
    private const string Plain = "permessage-deflate";
    private const string Declined = "declined";
    private const string Accepted = "accepted";
    private const string Refused = CaseRun.Refused;

    /// <summary>What a server that grants everything answers to each offer.</summary>
    private static readonly (string Offer, string Answer)[] s_offers =
    [
        (Plain, Plain),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover; server_no_context_takeover", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ("permessage-deflate; client_max_window_bits", Plain),
        ("permessage-deflate; client_max_window_bits=15", Plain),
        .. Enumerable.Range(8, 7).Select(static bits => ($"permessage-deflate; client_max_window_bits={bits}", $"permessage-deflate; client_max_window_bits={bits}")),
        .. Enumerable.Range(8, 8).Select(static bits => ($"permessage-deflate; server_max_window_bits={bits}", $"permessage-deflate; server_max_window_bits={bits}")),
        ("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10"),
        ("permessage-deflate; client_max_window_bits; server_max_window_bits=8; client_no_context_takeover", "permessage-deflate; client_no_context_takeover; server_max_window_bits=8"),
        ("permessage-deflate; server_max_window_bits=\"10\"", "permessage-deflate; server_max_window_bits=10"),
        ("permessage-deflate;client_max_window_bits=12;server_no_context_takeover", "permessage-deflate; server_no_context_takeover; client_max_window_bits=12"),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate; server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=11, permessage-deflate", "permessage-deflate; server_max_window_bits=11"),
        ("x-unknown; a=1, permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ("permessage-deflate; unknown, permessage-deflate", Plain),
        ("permessage-deflate; server_no_context_takeover=1, permessage-deflate", Plain),

        ("x-webkit-deflate-frame", Declined),
        ("permessage-deflate; unknown", Declined),
        ("permessage-deflate; server_max_window_bits", Declined),
        ("permessage-deflate; server_max_window_bits=7", Declined),
        ("permessage-deflate; server_max_window_bits=16", Declined),
        ("permessage-deflate; server_max_window_bits=08", Declined),
        ("permessage-deflate; server_max_window_bits=+9", Declined),
        ("permessage-deflate; server_max_window_bits=1000", Declined),
        ("permessage-deflate; client_max_window_bits=7", Declined),
        ("permessage-deflate; client_max_window_bits=16", Declined),
        ("permessage-deflate; client_max_window_bits=0", Declined),
        ("permessage-deflate; client_max_window_bits=\"\"", Declined),
        ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", Declined),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits=10", Declined),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", Declined),
        ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", Declined),
        ("permessage-deflate; server_no_context_takeover=true", Declined),
        ("permessage-deflate; client_no_context_takeover=\"\"", Declined),
    ];

    /// <summary>What a client that offers <c>permessage-deflate; client_max_window_bits</c> makes of each answer.</summary>
    private static readonly (string Answer, string Agreement)[] s_answers =
    [
        (Plain, Accepted),
        ("permessage-deflate; server_no_context_takeover", Accepted),
        ("permessage-deflate; client_no_context_takeover", Accepted),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", Accepted),
        .. Enumerable.Range(8, 8).Select(static bits => ($"permessage-deflate; client_max_window_bits={bits}", Accepted)),
        .. Enumerable.Range(8, 8).Select(static bits => ($"permessage-deflate; server_max_window_bits={bits}", Accepted)),
        ("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10; server_no_context_takeover; client_no_context_takeover", Accepted),
        ("permessage-deflate; server_max_window_bits=\"10\"", Accepted),

        ("x-webkit-deflate-frame", Refused),
        ("permessage-deflate, permessage-deflate", Refused),
        ("permessage-deflate, x-other", Refused),
        ("permessage-deflate; unknown", Refused),
        ("permessage-deflate; unknown=1", Refused),
        ("permessage-deflate; server_max_window_bits", Refused),
        ("permessage-deflate; client_max_window_bits", Refused),
        ("permessage-deflate; server_max_window_bits=7", Refused),
        ("permessage-deflate; server_max_window_bits=16", Refused),
        ("permessage-deflate; client_max_window_bits=7", Refused),
        ("permessage-deflate; client_max_window_bits=16", Refused),
        ("permessage-deflate; client_max_window_bits=010", Refused),
        ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", Refused),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", Refused),
        ("permessage-deflate; server_no_context_takeover=1", Refused),
        ("permessage-deflate; client_no_context_takeover=0", Refused),
        ("permessage-deflate;", Refused),
        ("permessage-deflate; server_max_window_bits=\"10", Refused),
    ];

    public static IEnumerable<ConformanceCase> All()
    {
        for (int i = 0; i < s_offers.Length; i++)
        {
            (string offer, string answer) = s_offers[i];
            yield return Case($"13.offer.{IdOf(offer)}", $"a client offers {offer}", Side.Server, Setup.Deflate, offer, answer);
        }

        yield return Case("13.offer.off", "a client offers compression to a server that has it off", Side.Server, Setup.Open, "permessage-deflate; client_max_window_bits", Declined);
        yield return Case("13.offer.as-it-comes", "a client offers compression to a server whose options are as they come", Side.Server, Setup.DeflateAsItComes, "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
        foreach ((string answer, string agreement) in s_answers)
        {
            yield return Case($"13.answer.{IdOf(answer)}", $"a server answers {answer}", Side.Client, Setup.Deflate, answer, agreement == Accepted ? answer : agreement);
        }

        yield return Case("13.answer.not-offered", "a server answers compression to a client that did not offer it", Side.Client, Setup.Open, Plain, Refused);
        yield return Case("13.answer.as-it-comes.short-of-the-offer", "a server does not say that it gives up its context, which the client asked for", Side.Client, Setup.DeflateAsItComes, Plain, Refused);
        yield return Case("13.answer.as-it-comes", "a server gives up its context as the client asked", Side.Client, Setup.DeflateAsItComes, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover");
    }

    private static string IdOf(string extensions) => extensions.Replace(" ", "", StringComparison.Ordinal).Replace("permessage-deflate", "pmd", StringComparison.Ordinal)
        .Replace("_context_takeover", "", StringComparison.Ordinal).Replace("_max_window_bits", "", StringComparison.Ordinal);

    private static ConformanceCase Case(string id, string description, Side side, Setup setup, string extensions, string agreement) => new(id, description, script => Write(script, agreement))
    {
        Side = side,
        Setup = setup,
        Extensions = extensions,
        Agreement = agreement,
    };

    private static void Write(Script script, string agreement)
    {
        byte[] text = Frames.TextOf(2000);
        if (agreement == Refused)
        {
            return;
        }

        if (agreement == Declined)
        {
            script.Message(RawFrame.Text, text).Message(RawFrame.Binary, text).Send(new WireFrame(RawFrame.Text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], Rsv: 0x40)).Closes(1002);
            return;
        }

        script.IsCompressed = true;
        for (int i = 0; i < 8; i++)
        {
            script.Deflated(RawFrame.Text, text).Message(RawFrame.Text, text).Deflated(RawFrame.Binary, Frames.BinaryOf(i * 100), fragmentBytes: 50);
        }
    }
}
