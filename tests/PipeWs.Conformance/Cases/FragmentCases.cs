using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Fragments in every legal and illegal order. RFC 6455, section 5.4.</summary>
internal static class FragmentCases
{
    private const int LongestInEveryBuild = 3;
    private const int Longest = 4;

    /// <summary>The letters of generated orders: upper case has FIN, lower case has not.</summary>
    private const string Alphabet = "TtBbCcP";

    public static IEnumerable<ConformanceCase> All()
    {
        for (int length = 1; length <= Longest; length++)
        {
            foreach (string order in Orders(length))
            {
                yield return new ConformanceCase($"5.order.{order}", $"frames in the order {order} (T text, B binary, C continuation, P ping; lower case without FIN)", script => Write(script, order))
                {
                    IsLong = length > LongestInEveryBuild,
                };
            }
        }

        foreach (string order in (string[])["tPcPcPC", "tcccccccC", "TtPCTbcPCB", "tCC", "tCtCc", "PtPPcPPCP", "tPT", "bcB", "ttC", "Tc"])
        {
            yield return new ConformanceCase($"5.bytes.{order}", $"frames in the order {order}, byte by byte", script =>
            {
                script.Chop = Chop.Bytes;
                Write(script, order);
            });
            yield return new ConformanceCase($"5.apart.{order}", $"frames in the order {order}, each sent by itself", script => Write(script, order, together: false));
        }

        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary])
        {
            string name = Frames.NameOf(opcode);
            foreach (int size in (int[])[0, 1, 125, 126, 65535, 65536])
            {
                byte[] half = Frames.Of(opcode, size);
                foreach ((string where, byte[][] parts) in ((string, byte[][])[])
                    [
                        ("first-empty", [[], half]), ("last-empty", [half, []]), ("middle-empty", [half, [], half]), ("halves", [half, half]), ("all-empty", [[], [], []]),
                    ])
                {
                    if (where == "all-empty" && size > 0)
                    {
                        continue;
                    }

                    yield return new ConformanceCase($"5.{name}.{size}.{where}", $"{name} fragments of {size} bytes: {where}", script =>
                    {
                        for (int i = 0; i < parts.Length; i++)
                        {
                            script.Send(new WireFrame(i == 0 ? opcode : RawFrame.Continuation, parts[i], Fin: i == parts.Length - 1));
                        }

                        script.Echoes(opcode, [.. parts.SelectMany(static part => part)]);
                    });
                }
            }
        }

        yield return new ConformanceCase("5.1024-empty", "1,024 empty fragments in one message, which are allowed", script => script.Send(Empty(1024)).Echoes(RawFrame.Text, "x"u8.ToArray()));
        yield return new ConformanceCase("5.1025-empty", "1,025 empty fragments in one message, which are not", script => script.Send(Empty(1025)).Closes(1008));
        yield return new ConformanceCase("5.start.continuation", "a continuation of nothing: failed at its second byte", script =>
            script.Send(new WireFrame(RawFrame.Continuation, [1, 2, 3]) { HeaderBytes = 2 }).Closes(1002));
        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary])
        {
            yield return new ConformanceCase($"5.start.{Frames.NameOf(opcode)}-in-message", "a new message in a fragmented one: failed at its second byte", script =>
                script.Send(Frames.Text("be", fin: false)).Lives().Send(new WireFrame(opcode, [1, 2, 3]) { HeaderBytes = 2 }).Closes(1002));
        }
    }

    private static WireFrame[] Empty(int count) =>
        [Frames.Text([], fin: false), .. Enumerable.Range(1, count - 1).Select(static _ => Frames.Continuation([], fin: false)), Frames.Continuation("x"u8.ToArray())];

    private static IEnumerable<string> Orders(int length) =>
        length == 0 ? [""] : Orders(length - 1).SelectMany(static order => Alphabet.Select(next => order + next));

    private static void Write(Script script, string order, bool together = true)
    {
        var frames = new List<WireFrame>();
        int opcode = 0;
        byte[] message = [];
        bool isLegal = true;
        for (int i = 0; i < order.Length; i++)
        {
            char letter = order[i];
            bool fin = char.IsUpper(letter);
            byte[] payload = [(byte)letter, (byte)('0' + i)];
            int next = char.ToUpperInvariant(letter) switch
            {
                'T' => RawFrame.Text,
                'B' => RawFrame.Binary,
                'C' => RawFrame.Continuation,
                _ => RawFrame.Ping,
            };
            frames.Add(new WireFrame(next, payload, fin));
            if (!isLegal)
            {
                // What follows the frame that failed the connection is sent, and must not be answered.
                continue;
            }

            if (next == RawFrame.Ping)
            {
                script.Pongs(payload);
            }
            else if (next == RawFrame.Continuation == (opcode == 0))
            {
                isLegal = false;
            }
            else
            {
                opcode = opcode == 0 ? next : opcode;
                message = [.. message, .. payload];
                if (fin)
                {
                    script.Echoes(opcode, message);
                    (opcode, message) = (0, []);
                }
            }
        }

        if (together)
        {
            script.Send(frames);
        }
        else
        {
            frames.ForEach(frame => script.Send(frame));
        }

        if (!isLegal)
        {
            script.Closes(1002);
        }
    }
}
