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
    private byte[] _text = [];

    [Params(128, 1024, 16384)]
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
            Script.Cyrillic => "Съешь же ещё этих мягких французских булок да выпей чаю. ",
            Script.Cjk => "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏",
            _ => "ok 👍 naïve — 東京🗼 жара 🔥🔥 done ✅ ",
        };
        StringBuilder text = new();
        while (Encoding.UTF8.GetByteCount(text.ToString()) + 4 < TextBytes)
        {
            foreach (Rune rune in sample.EnumerateRunes())
            {
                if (Encoding.UTF8.GetByteCount(text.ToString()) + rune.Utf8SequenceLength > TextBytes)
                {
                    break;
                }

                text.Append(rune);
            }
        }

        _text = Encoding.UTF8.GetBytes(text.ToString().PadRight(text.Length + TextBytes - Encoding.UTF8.GetByteCount(text.ToString())));
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
}
