using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Pings and pongs, everywhere they may and may not be. RFC 6455, sections 5.5.2 and 5.5.3.</summary>
internal static class PingCases
{
    private static readonly Chop[] s_chops = [Chop.Whole, Chop.Bytes];

    public static IEnumerable<ConformanceCase> All()
    {
        foreach (Chop chop in s_chops)
        {
            foreach (int size in (int[])[0, 1, 8, 124, 125])
            {
                yield return new ConformanceCase($"2.ping.{size}.{chop.Name}", $"a ping of {size} bytes, sent {chop.Name}", script => Ping(script, chop, Frames.BinaryOf(size)));
            }

            yield return new ConformanceCase($"2.ping.text.{chop.Name}", $"a ping of text, sent {chop.Name}", script => Ping(script, chop, Frames.Utf8("Hello, world!")));
            foreach (int count in (int[])[2, 10, 100])
            {
                yield return new ConformanceCase($"2.pings.{count}.{chop.Name}", $"{count} pings, all answered, in order, sent {chop.Name}", script =>
                {
                    script.Chop = chop;
                    script.Send([.. Enumerable.Range(0, count).Select(i => Frames.Ping($"ping {i}"))]);
                    for (int i = 0; i < count; i++)
                    {
                        script.Pongs(Frames.Utf8($"ping {i}"));
                    }
                });
            }

            foreach (int size in (int[])[0, 8, 125])
            {
                yield return new ConformanceCase($"2.pong.{size}.{chop.Name}", $"a pong of {size} bytes that nobody asked for is not answered; sent {chop.Name}, then a ping", script =>
                {
                    script.Chop = chop;
                    script.Send(Frames.Pong(Frames.BinaryOf(size)), Frames.Ping("x")).Pongs(Frames.Utf8("x"));
                });
            }

            foreach (int fragmentBytes in (int[])[1, 2, 7])
            {
                yield return new ConformanceCase($"2.in-fragments.{fragmentBytes}.{chop.Name}", $"text in fragments of {fragmentBytes}, which cut characters, with a ping and a pong between any two, sent {chop.Name}", script =>
                {
                    script.Chop = chop;
                    byte[] text = Frames.Utf8("a\u00e9\u20ac\ud83d\ude00z");
                    var frames = new List<WireFrame>();
                    for (int sent = 0; sent < text.Length; sent += fragmentBytes)
                    {
                        int end = Math.Min(text.Length, sent + fragmentBytes);
                        frames.Add(new WireFrame(sent == 0 ? RawFrame.Text : RawFrame.Continuation, text[sent..end], Fin: end == text.Length));
                        if (end < text.Length)
                        {
                            frames.Add(Frames.Ping($"{sent}"));
                            frames.Add(Frames.Pong([]));
                            script.Pongs(Frames.Utf8($"{sent}"));
                        }
                    }

                    script.Send(frames).Echoes(RawFrame.Text, text);
                });
            }

            yield return new ConformanceCase($"2.among-messages.{chop.Name}", $"pings before, between and after messages are answered in their places, sent {chop.Name}", script =>
            {
                script.Chop = chop;
                script.Send(Frames.Ping("1"), Frames.Text("a"), Frames.Ping("2"), Frames.Ping("3"), Frames.Binary([0xFF]), Frames.Ping("4"));
                script.Pongs("1"u8.ToArray()).Echoes(RawFrame.Text, "a"u8.ToArray()).Pongs("2"u8.ToArray()).Pongs("3"u8.ToArray()).Echoes(RawFrame.Binary, [0xFF]).Pongs("4"u8.ToArray());
            });
        }

        yield return new ConformanceCase("2.awaited-in-fragments", "a ping in the middle of a message is answered before the message goes on", script =>
            script.Send(Frames.Text("fragment1", fin: false)).Lives().Send(Frames.Continuation(Frames.Utf8("fragment2"), fin: false)).Lives().Lives()
                .Send(Frames.Continuation(Frames.Utf8("fragment3"))).Echoes(RawFrame.Text, Frames.Utf8("fragment1fragment2fragment3")));
        yield return new ConformanceCase("2.behind-a-large-echo", "a ping that follows a message of 1 MiB in one write", script =>
        {
            byte[] large = Frames.BinaryOf(1 << 20);
            script.Send(Frames.Binary(large), Frames.Ping("x")).Echoes(RawFrame.Binary, large).Pongs("x"u8.ToArray());
        });

        foreach (int opcode in (int[])[RawFrame.Ping, RawFrame.Pong])
        {
            string name = Frames.NameOf(opcode);
            foreach (int size in (int[])[126, 127, 1000, 65536])
            {
                yield return new ConformanceCase($"2.{name}.{size}.header", $"a {name} of {size} bytes: failed at its second byte", script =>
                    script.Message(RawFrame.Text, "before"u8.ToArray()).Send(new WireFrame(opcode, Frames.BinaryOf(size)) { HeaderBytes = 2, PayloadBytes = 0 }).Closes(1002));
            }

            yield return new ConformanceCase($"2.{name}.126.whole", $"a {name} of 126 bytes, whole, after a message and before one", script =>
                script.Send(Frames.Text("before"), new WireFrame(opcode, Frames.BinaryOf(126)), Frames.Text("after")).Echoes(RawFrame.Text, "before"u8.ToArray()).Closes(1002));
            yield return new ConformanceCase($"2.{name}.fragmented", $"a {name} without FIN: failed at its second byte", script =>
                script.Message(RawFrame.Text, "before"u8.ToArray()).Send(new WireFrame(opcode, [1, 2, 3], Fin: false) { HeaderBytes = 2, PayloadBytes = 0 }).Closes(1002));
            yield return new ConformanceCase($"2.{name}.fragmented-in-message", $"a {name} without FIN in a fragmented message", script =>
                script.Send(Frames.Text("be", fin: false)).Lives().Send(new WireFrame(opcode, [], Fin: false) { HeaderBytes = 2 }).Closes(1002));
        }
    }

    private static void Ping(Script script, Chop chop, byte[] payload)
    {
        script.Chop = chop;
        script.Send(Frames.Ping(payload)).Pongs(payload);
    }
}
