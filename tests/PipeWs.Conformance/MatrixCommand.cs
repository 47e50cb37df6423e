using System.Diagnostics;
using PipeWs.Conformance.Cases;
using PipeWs.Conformance.Matrix;
using PipeWs.Conformance.Subjects;

namespace PipeWs.Conformance;

/// <summary><c>matrix</c>: runs the cases, prints them, and writes the golden file where it is asked to.</summary>
internal static class MatrixCommand
{
    private const string Usage = """
        matrix [--full] [--update] [--failed] [--subject fast|handler|mapped|client]... [--case TEXT]
          --full     also the cases that take too long for every build
          --update   writes conformance.txt, if all cases are right; needs --full and all subjects
          --failed   prints only what is wrong
          --subject  only this side; several times for several
          --case     only cases whose id holds this text
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        bool isFull = false;
        bool updates = false;
        bool onlyFailed = false;
        string? filter = null;
        var subjects = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--full":
                    isFull = true;
                    break;
                case "--update":
                    updates = true;
                    break;
                case "--failed":
                    onlyFailed = true;
                    break;
                case "--subject" when i + 1 < args.Length && MatrixRun.Subjects.Contains(args[i + 1]):
                    subjects.Add(args[++i]);
                    break;
                case "--case" when i + 1 < args.Length:
                    filter = args[++i];
                    break;
                default:
                    await Console.Error.WriteLineAsync(Usage);
                    return 1;
            }
        }

        if (updates && (!isFull || subjects.Count > 0 || filter is not null))
        {
            await Console.Error.WriteLineAsync("--update needs the full run: --full, all subjects and all cases.");
            return 1;
        }

        return await RunAsync(subjects.Count > 0 ? subjects : MatrixRun.Subjects, isFull, updates, onlyFailed, filter);
    }

    private static async Task<int> RunAsync(IReadOnlyList<string> subjects, bool isFull, bool updates, bool onlyFailed, string? filter)
    {
        var server = new Dictionary<string, string>(StringComparer.Ordinal);
        var client = new Dictionary<string, string>(StringComparer.Ordinal);
        int count = 0;
        int wrong = 0;
        long start = Stopwatch.GetTimestamp();
        foreach (string name in subjects)
        {
            await using ISubject subject = await MatrixRun.StartAsync(name);
            foreach (string group in AllCases.Groups.Keys)
            {
                foreach (CaseResult result in await MatrixRun.RunAsync(subject, group, isFull, one => filter is null || one.Id.Contains(filter, StringComparison.Ordinal)))
                {
                    count++;
                    (subject.IsServer ? server : client).TryAdd(result.Case.Id, result.Filed);
                    if (!result.IsRight)
                    {
                        wrong++;
                    }

                    if (!onlyFailed || !result.IsRight)
                    {
                        Console.Out.WriteLine(
                            $"{(result.IsRight ? "ok   " : "WRONG")} {name,-8} {result.Case.Id,-40} {result.Duration.TotalMilliseconds,8:F1} ms  {result.Outcome}{(result.IsRight ? "" : $"  expected: {result.Expected}")}");
                    }
                }
            }
        }

        Console.Out.WriteLine($"{count} runs of {AllCases.All.Count()} cases, {wrong} wrong, {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        if (wrong == 0 && updates)
        {
            GoldenFile.Write(GoldenFile.DefaultPath, server, client, AllCases.All);
        }

        return wrong == 0 ? 0 : 3;
    }
}
