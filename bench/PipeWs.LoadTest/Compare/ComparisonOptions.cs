namespace PipeWs.LoadTest.Compare;

/// <summary>What is compared.</summary>
/// <param name="Contenders">The servers.</param>
/// <param name="Scenarios">The scenarios.</param>
/// <param name="Rounds">How often each server meets each scenario.</param>
/// <param name="Seconds">How long each load is measured.</param>
/// <param name="WarmUpSeconds">How long each load runs before.</param>
internal sealed record ComparisonOptions(IReadOnlyList<Contender> Contenders, IReadOnlyList<Scenario> Scenarios, int Rounds, double Seconds, double WarmUpSeconds)
{
    /// <summary>The servers' names.</summary>
    public IReadOnlyList<string> Servers { get; } = [.. Contenders.Select(static contender => contender.Name)];
}
