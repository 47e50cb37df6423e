using PipeWs.Fuzz.Engine;
using PipeWs.Fuzz.Instrumentation;
using PipeWs.Fuzz.Targets;

namespace PipeWs.Fuzz;

/// <summary>The fuzzer itself: it sees edges, follows them to mistakes, and makes what it finds small.</summary>
public class FuzzerTests
{
    private static readonly Lazy<InstrumentedContext> s_context = new(InstrumentedContext.Create);

    [Fact]
    public void It_finds_what_is_planted_behind_bytes_that_chance_does_not_find()
    {
        InstrumentedContext context = s_context.Value;
        string[] found = (string[])context.Call(nameof(PlantedRun), nameof(PlantedRun.Run), context.Counters, context.Edges)!;

        Assert.Contains("50697065: InvalidOperationException found", found);
        Assert.Contains("5069706D: memory", found);
        Assert.Contains("50697068: hang", found);
    }

    [Fact]
    public void An_instrumented_assembly_does_what_it_did_before()
    {
        InstrumentedContext context = s_context.Value;
        foreach (string name in FuzzTargets.Names)
        {
            Assert.Equal(0, context.Call(nameof(PlantedRun), nameof(PlantedRun.Replay), name, context.Counters, context.Edges));
        }
    }

    [Fact]
    public void A_minimised_input_is_as_short_and_as_plain_as_it_can_be()
    {
        byte[] smallest = Minimiser.Minimise([9, 1, 9, 9, 2, 7, 7, 3, 9], static input => input.AsSpan().IndexOf((byte)1) is >= 0 and var at && input.AsSpan(at).Contains((byte)3), attempts: 1000);

        Assert.Equal([1, 3], smallest);
    }

    [Theory]
    [InlineData("--target frames --seconds 5 --seed 7 --save", true)]
    [InlineData("--target nothing", false)]
    [InlineData("--target frames --seconds soon", false)]
    [InlineData("--target", false)]
    [InlineData("--target frames --colour", false)]
    public void Arguments_are_understood_or_refused(string line, bool understood)
    {
        Assert.Equal(understood, FuzzOptions.TryParse(line.Split(' '), out FuzzOptions? options, out string error));
        Assert.Equal(understood, error.Length == 0);
        if (understood)
        {
            Assert.Equal(new FuzzOptions { Target = "frames", Time = TimeSpan.FromSeconds(5), Seed = 7, Save = true }, options);
        }
    }
}

/// <summary>What the tests do inside the instrumented context.</summary>
internal static class PlantedRun
{
    public static string[] Run(nint counters, int edges)
    {
        var fuzzer = new Fuzzer(new PlantedTarget(), new EdgeMap(counters, edges), seed: 1, maxBytes: 64);
        fuzzer.Add(new PlantedTarget().Seeds);
        fuzzer.Run(() => fuzzer.Findings.Count < 3 && fuzzer.Executions < 2_000_000);
        return [.. fuzzer.Findings.Select(static finding => $"{Convert.ToHexString(finding.Input)}: {(finding.Kind.StartsWith("Inv", StringComparison.Ordinal) ? "InvalidOperationException found" : finding.Kind)}")];
    }

    /// <returns>How many seeds broke the contract or took no edge.</returns>
    public static int Replay(string name, nint counters, int edges)
    {
        FuzzTarget target = FuzzTargets.Find(name)!;
        var fuzzer = new Fuzzer(target, new EdgeMap(counters, edges), seed: 1, maxBytes: 64);
        fuzzer.Add(target.Seeds);
        return fuzzer.Findings.Count(static finding => finding.Kind != "hang") + (fuzzer.Edges.Seen > 10 ? 0 : 1);
    }
}
