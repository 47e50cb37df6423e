using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Limits, huge messages, and very many.</summary>
internal static class LimitCases
{
    private const int Limit = ConformanceCase.LimitBytes;

    public static IEnumerable<ConformanceCase> All() => Limits().Concat(Performance());

    private static IEnumerable<ConformanceCase> Limits()
    {
        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary])
        {
            string name = Frames.NameOf(opcode);
            yield return Limited($"{name}.at", $"a {name} message of just the limit", script => script.Message(opcode, Frames.Of(opcode, Limit)));
            yield return Limited($"{name}.at.fragments", $"a {name} message of just the limit in fragments of 1,000", script => script.Fragments(opcode, Frames.Of(opcode, Limit), 1000));
            foreach (ulong announced in (ulong[])[Limit + 1, 1 << 20, int.MaxValue, uint.MaxValue, long.MaxValue])
            {
                yield return Limited($"{name}.over.{announced}", $"a {name} frame that announces {announced} bytes: failed at the header", script =>
                    script.Message(opcode, Frames.Of(opcode, 5)).Send(new WireFrame(opcode, []) { AnnouncedBytes = announced }).Closes(1009));
                yield return Limited($"{name}.over.{announced}.no-fin", $"a first {name} fragment that announces {announced} bytes: failed at the header", script =>
                    script.Send(new WireFrame(opcode, [], Fin: false) { AnnouncedBytes = announced }).Closes(1009));
                yield return Limited($"{name}.sum.{announced}", $"a {name} fragment of one byte, then one that announces {announced - 1}: failed at the header", script =>
                    script.Send(new WireFrame(opcode, [65], Fin: false)).Lives().Send(new WireFrame(RawFrame.Continuation, []) { AnnouncedBytes = announced - 1 + (announced == long.MaxValue ? 1UL : 0) }).Closes(1009));
            }
        }

        yield return Limited("next", "the sum starts anew with each message, and is not of pings", script =>
        {
            for (int i = 0; i < 3; i++)
            {
                script.Send(Frames.Binary(Frames.BinaryOf(Limit - 10), fin: false)).Lives().Send(Frames.Continuation(new byte[10]))
                    .Echoes(RawFrame.Binary, [.. Frames.BinaryOf(Limit - 10), .. new byte[10]]);
            }
        });
        yield return new ConformanceCase("9.fragments.65536", "a message of 4 MiB in 65,536 fragments of 64 bytes", script =>
        {
            byte[] payload = Frames.BinaryOf(4 << 20);
            script.Send([.. Enumerable.Range(0, 65_536).Select(i => new WireFrame(i == 0 ? RawFrame.Binary : RawFrame.Continuation, payload[(i * 64)..((i + 1) * 64)], Fin: i == 65_535))]);
            script.Echoes(RawFrame.Binary, payload);
        });

        static ConformanceCase Limited(string id, string description, Action<Script> write) => new($"9.limit.{id}", $"{description}; the limit is {Limit}", write) { Setup = Setup.Limited };
    }

    private static IEnumerable<ConformanceCase> Performance()
    {
        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary])
        {
            string name = Frames.NameOf(opcode);
            foreach (int kib in (int[])[64, 256, 1024, 4096, 8192, 16384])
            {
                yield return new ConformanceCase($"9.{name}.{kib}k", $"a {name} message of {kib} KiB", script => script.Message(opcode, Frames.Of(opcode, kib * 1024))) { IsLong = kib > 1024 };
            }

            foreach (int fragmentBytes in (int[])[64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304])
            {
                yield return new ConformanceCase($"9.{name}.4m.fragments-{fragmentBytes}", $"a {name} message of 4 MiB in fragments of {fragmentBytes}, each handed over by itself", script =>
                    script.Fragments(opcode, Frames.Of(opcode, 4 << 20), fragmentBytes))
                {
                    IsLong = fragmentBytes != 65536,
                };
            }

            foreach (int chopBytes in (int[])[64, 128, 256, 512, 1024, 2048])
            {
                yield return new ConformanceCase($"9.{name}.1m.chops-{chopBytes}", $"a {name} message of 1 MiB in pieces of {chopBytes}", script =>
                {
                    script.Chop = Chop.Every(chopBytes);
                    script.Message(opcode, Frames.Of(opcode, 1 << 20));
                })
                {
                    IsLong = chopBytes < 2048,
                };
            }

            foreach (int size in (int[])[0, 16, 64, 256, 1024, 4096, 16384, 65536])
            {
                yield return new ConformanceCase($"9.{name}.1000x{size}.in-turn", $"1,000 {name} messages of {size} bytes, each sent when the one before has come back", script =>
                {
                    byte[] payload = Frames.Of(opcode, size);
                    for (int i = 0; i < 1000; i++)
                    {
                        script.Message(opcode, payload).Await();
                    }
                })
                {
                    IsLong = size is not (0 or 256),
                };
                yield return new ConformanceCase($"9.{name}.1000x{size}.at-once", $"1,000 {name} messages of {size} bytes, sent without waiting", script =>
                {
                    byte[] payload = Frames.Of(opcode, size);
                    for (int i = 0; i < 1000; i++)
                    {
                        script.Message(opcode, payload);
                    }
                })
                {
                    IsLong = size > 1024,
                };
            }
        }

        yield return new ConformanceCase("9.fragments-1300", "a text message of 65,536 bytes in fragments of 1,300", script => script.Fragments(RawFrame.Text, Frames.TextOf(65536), 1300));
    }
}
