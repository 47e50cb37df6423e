using System.Text;
using System.Text.Unicode;
using BenchmarkDotNet.Attributes;
using PipeWs.Protocol.Framing;

namespace PipeWs.Benchmarks.Framing;

/// <summary>The scripts of <see cref="Utf8ValidatorBenchmarks"/>.</summary>
public enum Script
{
    /// <summary>One byte a character.</summary>
    Ascii,

    /// <summary>JSON whose values are words in Cyrillic: one and two bytes, in runs.</summary>
    Json,

    /// <summary>Mostly one byte a character, and now and then two.</summary>
    Latin,

    /// <summary>Words of two bytes a character, and spaces.</summary>
    Cyrillic,

    /// <summary>Three bytes a character.</summary>
    Cjk,

    /// <summary>One to four bytes a character, in no order.</summary>
    Emoji,
}

/// <summary>A whole text message, and one that comes in pieces, against the base library's check of a whole one.</summary>
[MemoryDiagnoser]
public class Utf8ValidatorBenchmarks
{
    private const uint Key = 0x3D21FA37;

    private byte[] _text = [];
    private byte[] _masked = [];
    private byte[] _unmasked = [];

    [Params(128, 1024, 16384, 1 << 20)]
    public int TextBytes { get; set; }

    [ParamsAllValues]
    public Script Script { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        string sample = Script switch
        {
            Script.Ascii => "The quick brown fox jumps over the lazy dog. ",
            Script.Json => """{"type":"message","topic":"/news/headlines","data":{"title":"Съешь же ещё этих мягких","lang":"ru"}}""",
            Script.Latin => "Où est le garçon naïf? Élève à l'école, déjà vu. ",
            Script.Cyrillic => "Съешь же ещё этих мягких французских булок да выпей чаю. ",
            Script.Cjk => "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏",
            _ => "ok 👍 naïve — 東京🗼 жара 🔥🔥 done ✅ ",
        };
        StringBuilder text = new();
        int bytes = 0;
        while (bytes + 4 < TextBytes)
        {
            foreach (Rune rune in sample.EnumerateRunes())
            {
                if (bytes + rune.Utf8SequenceLength > TextBytes)
                {
                    break;
                }

                text.Append(rune);
                bytes += rune.Utf8SequenceLength;
            }
        }

        _text = Encoding.UTF8.GetBytes(text.Append(' ', TextBytes - bytes).ToString());
        _masked = [.. _text];
        Masking.Apply(_masked, Key);
        _unmasked = new byte[TextBytes];
    }

    [Benchmark(Baseline = true)]
    public bool BaseLibrary() => Utf8.IsValid(_text);

    [Benchmark]
    public bool Whole() => Utf8Validator.IsValid(_text);

    [Benchmark]
    public bool Append()
    {
        Utf8Validator validator = default;
        return validator.Append(_text) && validator.IsComplete;
    }

    [Benchmark]
    public bool AppendInTwoPieces()
    {
        Utf8Validator validator = default;
        int cut = _text.Length / 2 + 1;
        return validator.Append(_text.AsSpan(0, cut)) && validator.Append(_text.AsSpan(cut)) && validator.IsComplete;
    }

    /// <summary>In two passes, and into another place, as <see cref="Unmask"/> does it in one.</summary>
    [Benchmark]
    public bool UnmaskAndThenJudge()
    {
        Masking.Apply(_masked, _unmasked, Key);
        return Utf8Validator.IsValid(_unmasked);
    }

    [Benchmark]
    public bool Unmask()
    {
        Utf8Validator validator = default;
        return validator.Unmask(_masked, _unmasked, Key) && validator.IsComplete;
    }
}
