using System.Diagnostics;
using System.Globalization;
using PipeWs.Fuzz.Targets;

namespace PipeWs.Fuzz.Engine;

/// <summary>The fuzzer on the command line: its inputs, its status, its findings.</summary>
internal static class FuzzRun
{
    /// <summary>A saved corpus is read by people who review a change: it stays near this.</summary>
    private const int MaxCorpusBytes = 16 * 1024;

    /// <summary>Called inside the context whose assemblies are instrumented.</summary>
    public static int Run(string[] args, nint counters, int edges)
    {
        if (!FuzzOptions.TryParse(args, out FuzzOptions? options, out string error))
        {
            Console.Error.WriteLine(error);
            return 2;
        }

        FuzzTarget target = FuzzTargets.Find(options.Target)!;
        Console.WriteLine($"target {target.Name}, seed {options.Seed}, {options.Time.TotalSeconds:0} s, {edges:N0} edges instrumented");
        var fuzzer = new Fuzzer(target, new EdgeMap(counters, edges), options.Seed, options.MaxBytes)
        {
            OnDead = input =>
            {
                Console.WriteLine($"\nIt does not end: {Corpus.SaveFinding(target.Name, "dead", input, "It did not end in 30 s.")}");
                Environment.Exit(1);
            },
        };
        fuzzer.Add(target.Seeds);
        fuzzer.Add(Corpus.Load(target.Name));
        long start = Stopwatch.GetTimestamp();
        long nextStatus = 0;
        int reported = 0;
        fuzzer.Run(() =>
        {
            // The clock is read once in a while.
            if ((fuzzer.Executions & 15) != 0)
            {
                return true;
            }

            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed.TotalSeconds >= nextStatus)
            {
                nextStatus = (long)elapsed.TotalSeconds + (Console.IsOutputRedirected ? 30 : 1);
                WriteStatus(fuzzer, target.Name, elapsed, isLast: false);
            }

            for (; reported < fuzzer.Findings.Count; reported++)
            {
                Report(target.Name, fuzzer.Findings.ElementAt(reported), reported);
            }

            return elapsed < options.Time;
        });
        for (; reported < fuzzer.Findings.Count; reported++)
        {
            Report(target.Name, fuzzer.Findings.ElementAt(reported), reported);
        }

        WriteStatus(fuzzer, target.Name, Stopwatch.GetElapsedTime(start), isLast: true);
        if (options.Save)
        {
            List<byte[]> distilled = fuzzer.Distil(MaxCorpusBytes);
            Console.WriteLine($"{distilled.Count} inputs written to {Corpus.Save(target.Name, distilled)}");
        }

        return fuzzer.Findings.Count == 0 ? 0 : 1;
    }

    private static void Report(string target, Finding finding, int number)
    {
        string path = Corpus.SaveFinding(target, number.ToString(CultureInfo.InvariantCulture), finding.Input, finding.Kind + "\n" + finding.Text);
        Console.WriteLine($"\nFINDING {finding.Kind}: {Convert.ToHexString(finding.Input)}\n{finding.Text}\nsaved as {path}");
    }

    private static void WriteStatus(Fuzzer fuzzer, string target, TimeSpan elapsed, bool isLast)
    {
        string status = string.Create(
            CultureInfo.InvariantCulture,
            $"{target} {elapsed:hh\\:mm\\:ss}  execs {fuzzer.Executions:N0} ({fuzzer.Executions / Math.Max(0.001, elapsed.TotalSeconds):N0}/s)  edges {fuzzer.Edges.Seen:N0} of {fuzzer.Edges.Edges:N0}  corpus {fuzzer.Inputs.Count:N0}  findings {fuzzer.Findings.Count}");
        Console.Write(Console.IsOutputRedirected ? status + "\n" : "\r" + status + (isLast ? "\n" : "  "));
    }
}
