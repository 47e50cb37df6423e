using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>The closing handshake, and everything that can be wrong with it. RFC 6455, sections 5.5.1 and 7.</summary>
internal static class CloseCases
{
    private static readonly int[] s_codes =
    [
        0, 1, 16, 100, 500, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1099, 1100, 1500, 1999, 2000, 2001,
        2500, 2998, 2999, 3000, 3001, 3005, 3008, 3500, 3999, 4000, 4001, 4500, 4998, 4999, 5000, 5001, 9999, 32768, 65534, 65535,
    ];

    public static IEnumerable<ConformanceCase> All()
    {
        foreach (int code in s_codes)
        {
            yield return new ConformanceCase($"7.code.{code}", $"a close frame with {code}, which {(MayBeSent(code) ? "is echoed" : "must not be sent")}", script => Code(script, code));
            yield return new ConformanceCase($"7.code.{code}.reason", $"a close frame with {code} and a reason", script => Code(script, code, "the reason"));
        }

        foreach (int code in Enumerable.Range(0, 242).Select(static i => i * 25).Except(s_codes))
        {
            yield return new ConformanceCase($"7.code.{code}", $"a close frame with {code}, which {(MayBeSent(code) ? "is echoed" : "must not be sent")}", script => Code(script, code)) { IsLong = true };
        }

        foreach (ConformanceCase one in Reasons().Concat(Orders()))
        {
            yield return one;
        }
    }

    private static bool MayBeSent(int code) => code is >= 1000 and <= 1003 or >= 1007 and <= 1014 or >= 3000 and <= 4999;

    private static void Code(Script script, int code, string reason = "") =>
        script.Message(RawFrame.Text, "before"u8.ToArray()).Send(Frames.Close(code, reason)).Closes(MayBeSent(code) ? code : 1002);

    private static IEnumerable<ConformanceCase> Reasons()
    {
        foreach (int bytes in (int[])[1, 2, 60, 122, 123])
        {
            foreach (Chop chop in (Chop[])[Chop.Whole, Chop.Bytes])
            {
                yield return new ConformanceCase($"7.reason.{bytes}.{chop.Name}", $"a close reason of {bytes} bytes, sent {chop.Name}", script =>
                {
                    script.Chop = chop;
                    script.Send(new WireFrame(RawFrame.Close, [3, 232, .. Frames.TextOf(bytes)])).Closes(1000);
                });
            }
        }

        yield return new ConformanceCase("7.reason.124", "a close reason of 124 bytes, which makes the frame too long", script =>
            script.Send(new WireFrame(RawFrame.Close, [3, 232, .. Frames.TextOf(124)])).Closes(1002));
        yield return new ConformanceCase("7.empty", "a close frame with nothing in it is answered by the like", script => script.Send(Frames.Close(null)).Closes(null));
        yield return new ConformanceCase("7.one-byte", "a close frame with half a code", script => script.Send(new WireFrame(RawFrame.Close, [3])).Closes(1002));
        yield return new ConformanceCase("7.fragmented", "a close frame without FIN: failed at its second byte", script =>
            script.Send(new WireFrame(RawFrame.Close, [3, 232], Fin: false) { HeaderBytes = 2, PayloadBytes = 0 }).Closes(1002));
        foreach (Utf8Class invalid in Utf8Classes.Invalid)
        {
            yield return new ConformanceCase($"7.reason.invalid.{invalid.Name}", $"a close reason that is not UTF-8: {invalid.Name}", script =>
                script.Send(new WireFrame(RawFrame.Close, [3, 232, .. "why "u8, .. invalid.Bytes])).Closes(1007));
        }

        foreach (Utf8Class valid in Utf8Classes.Valid)
        {
            yield return new ConformanceCase($"7.reason.valid.{valid.Name}", $"a close reason with {valid.Name}", script =>
                script.Send(new WireFrame(RawFrame.Close, [3, 232, .. valid.Bytes])).Closes(1000));
        }
    }

    private static IEnumerable<ConformanceCase> Orders()
    {
        yield return new ConformanceCase("7.after-message", "a message, then a close frame, in one write", script =>
            script.Send(Frames.Text("Hello"), Frames.Close(1000)).Echoes(RawFrame.Text, "Hello"u8.ToArray()).Closes(1000));
        foreach (Chop chop in (Chop[])[Chop.Whole, Chop.Bytes])
        {
            yield return After($"two.{chop.Name}", "another close frame", chop, Frames.Close(3000));
            yield return After($"ping.{chop.Name}", "a ping", chop, Frames.Ping("x"));
            yield return After($"text.{chop.Name}", "a message", chop, Frames.Text("x"));
            yield return After($"bad.{chop.Name}", "an illegal frame", chop, new WireFrame(0xF, [], Rsv: 0x70));
            yield return new ConformanceCase($"7.in-message.{chop.Name}", $"a close frame in a fragmented message whose rest follows, sent {chop.Name}", script =>
            {
                script.Chop = chop;
                script.Send(Frames.Text("fragment1", fin: false), Frames.Close(1000), Frames.Continuation("fragment2"u8.ToArray())).Closes(1000);
            });
        }

        yield return new ConformanceCase("7.large", "a message of 256 KiB, a message, a close frame and a ping, all at once", script =>
        {
            byte[] large = Frames.TextOf(256 * 1024);
            script.Send(Frames.Text(large), Frames.Text("Hello World!"), Frames.Close(1000), Frames.Ping()).Echoes(RawFrame.Text, large).Echoes(RawFrame.Text, "Hello World!"u8.ToArray()).Closes(1000);
        });
        yield return new ConformanceCase("7.server-ends-first", "the server ends the transport after the closing handshake, whatever the client does", script =>
        {
            script.EndsTransport = false;
            script.Message(RawFrame.Text, "x"u8.ToArray()).Send(Frames.Close(1000)).Closes(1000);
        })
        {
            Side = Side.Server,
        };
        yield return new ConformanceCase("7.server-ends-failed", "the server ends the transport after it failed the connection, whatever the client does", script =>
        {
            script.EndsTransport = false;
            script.Send(new WireFrame(3, [])).Closes(1002);
        })
        {
            Side = Side.Server,
        };

        yield return new ConformanceCase("7.fin", "the transport ends without a close frame", script => script.Message(RawFrame.Text, "x"u8.ToArray()).Await().Finish());
        yield return new ConformanceCase("7.fin-in-frame", "the transport ends in the middle of a frame", script =>
            script.Send(new WireFrame(RawFrame.Text, "Hello"u8.ToArray()) { PayloadBytes = 3 }).Finish());
        yield return new ConformanceCase("7.fin-in-message", "the transport ends in the middle of a message", script => script.Send(Frames.Text("Hello", fin: false)).Finish());
        yield return new ConformanceCase("7.fin-in-header", "the transport ends in the middle of a header", script =>
            script.Send(new WireFrame(RawFrame.Text, Frames.TextOf(1000)) { HeaderBytes = 3 }).Finish());

        static ConformanceCase After(string id, string what, Chop chop, WireFrame frame) =>
            new($"7.after-close.{id}", $"{what} after the close frame is ignored, sent {chop.Name}", script =>
            {
                script.Chop = chop;
                script.Send(Frames.Text("before"), Frames.Close(1000, "bye"), frame).Echoes(RawFrame.Text, "before"u8.ToArray()).Closes(1000);
            });
    }
}
