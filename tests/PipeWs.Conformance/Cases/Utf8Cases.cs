using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Text that is UTF-8 and text that is not, cut everywhere, and failed at the byte that decides. RFC 6455, sections 5.6 and 8.1.</summary>
internal static class Utf8Cases
{
    private static readonly byte[] s_before = Frames.Utf8("\u03ba\u1f79\u03c3\u03bc\u03b5");
    private static readonly byte[] s_after = "edited"u8.ToArray();

    public static IEnumerable<ConformanceCase> All() => Valid().Concat(Utf8Classes.Invalid.SelectMany(Invalid)).Concat(Others());

    private static IEnumerable<ConformanceCase> Valid()
    {
        foreach (Utf8Class valid in Utf8Classes.Valid)
        {
            byte[] text = [.. s_before, .. valid.Bytes, .. s_after];
            yield return new ConformanceCase($"6.valid.{valid.Name}.whole", $"text with {valid.Name}", script => script.Message(RawFrame.Text, valid.Bytes).Message(RawFrame.Text, text));
            yield return new ConformanceCase($"6.valid.{valid.Name}.per-byte", $"text with {valid.Name}, byte by byte", script =>
            {
                script.Chop = Chop.Bytes;
                script.Message(RawFrame.Text, text);
            });
            yield return new ConformanceCase($"6.valid.{valid.Name}.fragments", $"text with {valid.Name}, in fragments of one byte, with a ping after each", script =>
            {
                for (int i = 0; i < valid.Bytes.Length; i++)
                {
                    script.Send(new WireFrame(i == 0 ? RawFrame.Text : RawFrame.Continuation, valid.Bytes[i..(i + 1)], Fin: false)).Lives();
                }

                script.Send(Frames.Continuation([])).Echoes(RawFrame.Text, valid.Bytes);
            });
            for (int cut = 0; cut <= valid.Bytes.Length; cut++)
            {
                int at = s_before.Length + cut;
                yield return new ConformanceCase($"6.valid.{valid.Name}.cut-{cut}", $"text with {valid.Name}, in two fragments cut before its byte {cut}", script =>
                    script.Send(Frames.Text(text[..at], fin: false)).Send(Frames.Continuation(text[at..])).Echoes(RawFrame.Text, text));
            }
        }
    }

    private static IEnumerable<ConformanceCase> Invalid(Utf8Class invalid)
    {
        byte[] text = [.. s_before, .. invalid.Bytes, .. invalid.IsTruncated ? [] : s_after];
        int certain = s_before.Length + invalid.Certain;
        string id = $"6.{invalid.Name}";
        yield return new ConformanceCase($"{id}.whole", $"{invalid.Name} in a text message, after one that is good and before another", script =>
            script.Send(Frames.Text("before"), Frames.Text(text), Frames.Text("after")).Echoes(RawFrame.Text, "before"u8.ToArray()).Closes(1007));
        yield return new ConformanceCase($"{id}.alone", $"{invalid.Name} as a text message", script => script.Send(Frames.Text(invalid.Bytes)).Closes(1007));
        yield return new ConformanceCase($"{id}.per-byte", $"{invalid.Name} in a text message, byte by byte", script =>
        {
            script.Chop = Chop.Bytes;
            script.Send(Frames.Text(text)).Closes(1007);
        });
        yield return new ConformanceCase($"{id}.binary", $"{invalid.Name} in a binary message, where it is nothing special", script => script.Message(RawFrame.Binary, text));
        for (int cut = 0; cut <= invalid.Certain; cut++)
        {
            // Up to here it is good, as the pong shows; the fragment after it has the byte that decides, and no end.
            int at = s_before.Length + cut;
            if (cut < invalid.Certain)
            {
                yield return new ConformanceCase($"{id}.cut-{cut}", $"{invalid.Name} cut before its byte {cut}: failed in the second fragment, which is not the last", script =>
                {
                    script.Send(Frames.Text(text[..at], fin: false)).Lives();
                    if (invalid.IsTruncated)
                    {
                        script.Send(Frames.Continuation(text[at..], fin: false)).Lives().Send(Frames.Continuation([])).Closes(1007);
                    }
                    else
                    {
                        script.Send(Frames.Continuation(text[at..certain], fin: false)).Closes(1007);
                    }
                });
            }
        }

        if (invalid.IsTruncated)
        {
            yield return new ConformanceCase($"{id}.last-fragment", $"{invalid.Name} at the end of the last fragment", script =>
                script.Send(Frames.Text(s_before, fin: false)).Lives().Send(Frames.Continuation(invalid.Bytes)).Closes(1007));
            yield break;
        }

        yield return new ConformanceCase($"{id}.in-frame", $"{invalid.Name} in a frame that goes on: failed at the byte that decides, before the rest is sent", script =>
            script.Send(Frames.Text([.. text, .. Frames.TextOf(100)]) with { PayloadBytes = certain }).Closes(1007));
        yield return new ConformanceCase($"{id}.in-frame.per-byte", $"{invalid.Name} in a frame that goes on, byte by byte: failed at the byte that decides", script =>
        {
            script.Chop = Chop.Bytes;
            script.Send(Frames.Text([.. text, .. Frames.TextOf(100)]) with { PayloadBytes = certain }).Closes(1007);
        });
        yield return new ConformanceCase($"{id}.in-large-frame", $"{invalid.Name} behind 70,000 good bytes of a frame that goes on", script =>
        {
            byte[] good = Frames.TextOf(70_000);
            script.Send(Frames.Text([.. good, .. invalid.Bytes, .. Frames.TextOf(1000)]) with { PayloadBytes = good.Length + invalid.Certain }).Closes(1007);
        })
        {
            IsLong = true,
        };
        yield return new ConformanceCase($"{id}.fragments", $"{invalid.Name} in fragments of one byte: failed at the byte that decides", script =>
        {
            for (int i = 0; i < certain; i++)
            {
                script.Send(new WireFrame(i == 0 ? RawFrame.Text : RawFrame.Continuation, text[i..(i + 1)], Fin: false));
                if (i == certain - 2)
                {
                    script.Lives();
                }
            }

            script.Closes(1007);
        });
    }

    private static IEnumerable<ConformanceCase> Others()
    {
        // The position in the machine's vectors, where the last character crosses every border.
        for (int length = 0; length <= 70; length++)
        {
            byte[] start = [.. Enumerable.Repeat((byte)'a', length)];
            int bytes = length;
            yield return new ConformanceCase($"6.place.{bytes}.good", $"U+10FFFF behind {bytes} letters, and before as many", script =>
                script.Message(RawFrame.Text, [.. start, 0xF4, 0x8F, 0xBF, 0xBF, .. start]));
            yield return new ConformanceCase($"6.place.{bytes}.bad", $"F4 90 behind {bytes} letters, in a frame that goes on", script =>
                script.Send(Frames.Text([.. start, 0xF4, 0x90, 0x80, 0x80, .. start]) with { PayloadBytes = bytes + 2 }).Closes(1007));
        }

        yield return new ConformanceCase("6.empty-fragments", "three empty fragments of text", script => script.Send(Frames.Text("", fin: false), Frames.Continuation([], fin: false), Frames.Continuation([])).Echoes(RawFrame.Text, []));
        yield return new ConformanceCase("6.validator-starts-anew", "half a character at the end of a binary message does not spoil the text after it", script =>
            script.Message(RawFrame.Binary, [0xE2, 0x82]).Message(RawFrame.Text, "good"u8.ToArray()).Send(Frames.Binary([0xF4], fin: false)).Send(Frames.Continuation([0x8F])).Echoes(RawFrame.Binary, [0xF4, 0x8F]).Message(RawFrame.Text, "good"u8.ToArray()));
    }
}
