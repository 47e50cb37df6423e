namespace PipeWs.LoadTest.Compare;

/// <summary>What is compared.</summary>
/// <param name="Contenders">The servers.</param>
/// <param name="Scenarios">The scenarios.</param>
/// <param name="Rounds">How often each server is started anew for each scenario.</param>
/// <param name="Turns">How often each of them is measured in a round, in turns with the others.</param>
/// <param name="Seconds">How long each turn is.</param>
/// <param name="WarmUpSeconds">How long each load runs before its first.</param>
internal sealed record ComparisonOptions(IReadOnlyList<Contender> Contenders, IReadOnlyList<Scenario> Scenarios, int Rounds, int Turns, double Seconds, double WarmUpSeconds)
{
    /// <summary>The servers' names.</summary>
    public IReadOnlyList<string> Servers { get; } = [.. Contenders.Select(static contender => contender.Name)];
}
