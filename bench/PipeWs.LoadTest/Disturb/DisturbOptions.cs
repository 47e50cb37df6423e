namespace PipeWs.LoadTest.Disturb;

/// <summary>What is measured beside what.</summary>
/// <param name="Url">The hub that speaks JSON.</param>
/// <param name="Rounds">How often it is measured undisturbed and then disturbed.</param>
/// <param name="Seconds">How long each time.</param>
/// <param name="Connections">How many connections of each kind disturb: whose handlers throw, hang, and flood.</param>
/// <param name="Rate">How many requests a second each of those sends.</param>
internal sealed record DisturbOptions(Uri Url, int Rounds, double Seconds, int Connections, int Rate);
