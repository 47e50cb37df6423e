using PipeWs.Conformance.Cases;
using PipeWs.Conformance.Subjects;

namespace PipeWs.Conformance.Matrix;

/// <summary>Runs many cases against one side, several at a time.</summary>
internal static class MatrixRun
{
    private const int AtATime = 8;

    /// <summary>How many cases run at a time whose messages have megabytes.</summary>
    private const int HeavyAtATime = 2;

    private const string HeavyGroup = "9";

    /// <summary>The sides: each door, and the client.</summary>
    public static IReadOnlyList<string> Subjects { get; } = [.. ServerSubject.Doors, "client"];

    public static async Task<ISubject> StartAsync(string subject) => subject == "client" ? new ClientSubject() : await ServerSubject.StartAsync(subject);

    /// <summary>Runs the cases of a group that are for this side.</summary>
    public static async Task<List<CaseResult>> RunAsync(ISubject subject, string group, bool isFull, Func<ConformanceCase, bool>? filter = null)
    {
        ConformanceCase[] cases = [.. AllCases.Groups[group].Where(one => one.IsFor(subject.IsServer) && (isFull || !one.IsLong) && filter?.Invoke(one) != false)];
        var results = new CaseResult[cases.Length];
        await Parallel.ForAsync(
            0,
            cases.Length,
            new ParallelOptions { MaxDegreeOfParallelism = group == HeavyGroup ? HeavyAtATime : AtATime },
            async (i, _) => results[i] = await CaseRun.RunAsync(cases[i], subject, isFull));
        return [.. results];
    }
}
