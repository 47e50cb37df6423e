namespace PipeWs.LoadTest.Compare;

/// <summary>What is compared.</summary>
/// <param name="Servers">The servers by name.</param>
/// <param name="Door">The way into pipews by name.</param>
/// <param name="Scenarios">The scenarios.</param>
/// <param name="Rounds">How often each server meets each scenario.</param>
/// <param name="Seconds">How long each load is measured.</param>
/// <param name="WarmUpSeconds">How long each load runs before.</param>
internal sealed record ComparisonOptions(IReadOnlyList<string> Servers, string Door, IReadOnlyList<Scenario> Scenarios, int Rounds, double Seconds, double WarmUpSeconds);
