using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Frames of every length, in every form of it, cut in every way. RFC 6455, sections 5.1 to 5.3.</summary>
internal static class FramingCases
{
    private static readonly int[] s_sizes = [0, 1, 2, 125, 126, 127, 128, 1000, 65535, 65536, 65537, 1 << 20, 4 << 20, 16 << 20];

    public static IEnumerable<ConformanceCase> All()
    {
        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary])
        {
            foreach (int size in s_sizes)
            {
                foreach (Chop chop in (Chop[])[Chop.Whole, Chop.Random(Math.Max(2, Math.Min(size / 4, 8192))), Chop.Bytes])
                {
                    if (chop.MaxBytes == 1 && size > 65537)
                    {
                        continue;
                    }

                    yield return new ConformanceCase($"1.{Frames.NameOf(opcode)}.{size}.{chop.Name}", $"a {Frames.NameOf(opcode)} message of {size} bytes, sent {chop.Name}", script =>
                    {
                        script.Chop = chop;
                        script.Message(opcode, Frames.Of(opcode, size));
                    })
                    {
                        IsLong = size > 1 << 20 || (chop.MaxBytes == 1 && size > 1000),
                    };
                }
            }

            foreach (uint key in (uint[])[0, uint.MaxValue, 0xFF000000, 0x000000FF])
            {
                yield return new ConformanceCase($"1.{Frames.NameOf(opcode)}.key-{key:X8}", $"a {Frames.NameOf(opcode)} message masked with {key:X8}", script =>
                    script.Send(new WireFrame(opcode, Frames.Of(opcode, 1000)) { Key = key }).Echoes(opcode, Frames.Of(opcode, 1000)))
                {
                    Side = Side.Server,
                };
            }
        }

        foreach (Chop chop in (Chop[])[Chop.Whole, Chop.Bytes, Chop.Random(100)])
        {
            yield return new ConformanceCase($"1.many.{chop.Name}", $"fifty messages of both types and 0 to 147 bytes, one after the other, sent {chop.Name}", script =>
            {
                script.Chop = chop;
                var frames = new List<WireFrame>();
                for (int i = 0; i < 50; i++)
                {
                    int opcode = i % 3 == 0 ? RawFrame.Binary : RawFrame.Text;
                    byte[] payload = Frames.Of(opcode, i * 3);
                    frames.Add(new WireFrame(opcode, payload));
                    script.Echoes(opcode, payload);
                }

                script.Send(frames);
            });
        }

        foreach (ConformanceCase illegal in Lengths().Concat(Masking()))
        {
            yield return illegal;
        }
    }

    /// <summary>"The minimal number of bytes MUST be used to encode the length"; "the most significant bit MUST be 0" (section 5.2).</summary>
    private static IEnumerable<ConformanceCase> Lengths()
    {
        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary, RawFrame.Ping, RawFrame.Pong, RawFrame.Close])
        {
            foreach (int size in (int[])[0, 1, 2, 125])
            {
                yield return Longer(opcode, size, LengthForm.SixteenBits);
                yield return Longer(opcode, size, LengthForm.SixtyFourBits);
            }
        }

        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary])
        {
            yield return Longer(opcode, 126, LengthForm.SixtyFourBits);
            yield return Longer(opcode, 65535, LengthForm.SixtyFourBits);
            foreach (ulong announced in (ulong[])[1UL << 63, ulong.MaxValue, (1UL << 63) | 5])
            {
                yield return new ConformanceCase($"1.{Frames.NameOf(opcode)}.top-bit-{announced:X}", $"a {Frames.NameOf(opcode)} frame that announces {announced:X16} bytes: failed at the header", script =>
                    script.Message(opcode, Frames.Of(opcode, 5)).Send(new WireFrame(opcode, []) { AnnouncedBytes = announced, Form = LengthForm.SixtyFourBits }).Closes(1002));
            }
        }

        static ConformanceCase Longer(int opcode, int size, LengthForm form) =>
            new($"1.{Frames.NameOf(opcode)}.{size}-in-{(form == LengthForm.SixteenBits ? 16 : 64)}-bits", $"a {Frames.NameOf(opcode)} frame with its length of {size} in a longer form: failed at the header", script =>
                script.Send(Frames.Text("before"), new WireFrame(opcode, Frames.Of(opcode, size)) { Form = form, PayloadBytes = 0 }).Echoes(RawFrame.Text, Frames.Utf8("before")).Closes(1002));
    }

    /// <summary>"A server MUST NOT mask"; "the server MUST close the connection upon receiving a frame that is not masked" (section 5.1).</summary>
    private static IEnumerable<ConformanceCase> Masking()
    {
        foreach (int opcode in (int[])[RawFrame.Text, RawFrame.Binary, RawFrame.Ping, RawFrame.Pong, RawFrame.Close])
        {
            yield return new ConformanceCase($"1.{Frames.NameOf(opcode)}.wrong-masking", $"a {Frames.NameOf(opcode)} frame masked by a server, or not masked by a client: failed at its second byte", script =>
                script.Message(RawFrame.Text, Frames.Utf8("before"))
                    .Send(new WireFrame(opcode, Frames.Of(opcode, opcode == RawFrame.Close ? 0 : 5)) { HasWrongMasking = true, HeaderBytes = 2, PayloadBytes = 0 })
                    .Closes(1002));
        }

        yield return new ConformanceCase("1.continuation.wrong-masking", "a fragment with the wrong masking in a message begun well: failed at its second byte", script =>
            script.Send(Frames.Text("be", fin: false)).Lives().Send(new WireFrame(RawFrame.Continuation, [1]) { HasWrongMasking = true, HeaderBytes = 2 }).Closes(1002));
    }
}
