using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace PipeWs.Shared;

/// <summary>How properties are checked: with the same cases in every run, or with those of the seed in <c>PIPEWS_SEED</c>. What fails names its seed.</summary>
internal static class Properties
{
    private const ulong DefaultSeed = 20_261_121;

    public static Config Of(int cases)
    {
        ulong seed = Environment.GetEnvironmentVariable("PIPEWS_SEED") is { } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : DefaultSeed;
        return Config.QuickThrowOnFailure.WithMaxTest(cases).WithQuietOnSuccess(true).WithReplay(seed, 1);
    }
}
