using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using PipeWs.Fuzz.Targets;

namespace PipeWs.Fuzz.Engine;

/// <summary>What a run of the fuzzer is asked for.</summary>
internal sealed record FuzzOptions
{
    private const string Usage =
        "usage: --target NAME [--seconds N] [--seed N] [--max-bytes N] [--save]\n"
        + "  --target     one of the targets\n"
        + "  --seconds    how long; 60\n"
        + "  --seed       the seed of the mutations; random, and printed\n"
        + "  --max-bytes  the longest input; 4096\n"
        + "  --save       write the corpus, made as small as it can be, over tests/PipeWs.Fuzz/Corpus/NAME.hex";

    public required string Target { get; init; }

    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    public int Seed { get; init; } = Random.Shared.Next();

    public int MaxBytes { get; init; } = 4096;

    public bool Save { get; init; }

    public static bool TryParse(string[] args, [NotNullWhen(true)] out FuzzOptions? options, out string error)
    {
        options = null;
        error = "";
        var parsed = new FuzzOptions { Target = "" };
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--save")
            {
                parsed = parsed with { Save = true };
                continue;
            }

            string value = i + 1 < args.Length ? args[i + 1] : "";
            bool isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            switch (args[i])
            {
                case "--target":
                    parsed = parsed with { Target = value };
                    break;
                case "--seconds" when isNumber && number > 0:
                    parsed = parsed with { Time = TimeSpan.FromSeconds(number) };
                    break;
                case "--seed" when isNumber:
                    parsed = parsed with { Seed = number };
                    break;
                case "--max-bytes" when isNumber && number > 0:
                    parsed = parsed with { MaxBytes = number };
                    break;
                default:
                    error = $"'{args[i]} {value}' is not understood.\n{Usage}";
                    return false;
            }

            i++;
        }

        if (FuzzTargets.Find(parsed.Target) is null)
        {
            error = $"There is no target '{parsed.Target}'; there are {string.Join(", ", FuzzTargets.Names)}.\n{Usage}";
            return false;
        }

        options = parsed;
        return true;
    }
}
