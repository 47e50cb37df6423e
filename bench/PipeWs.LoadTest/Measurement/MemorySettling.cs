using System.Diagnostics;
using System.Globalization;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Measurement;

/// <summary>Waits until a process has come to rest after connections came or went.</summary>
internal static class MemorySettling
{
    private const int CalmSamples = 8;
    private const double Tolerance = 0.002;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits until memory has stood still within 0.2 % and the process has used next to no CPU for two seconds, or until the time is over.</summary>
    public static async Task WaitAsync(int? processId, TimeSpan atMost, ILoadProgress progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        int calm = 0;
        ProcessStatus? last = null;
        while (calm < CalmSamples && Stopwatch.GetElapsedTime(start) < atMost)
        {
            await Task.Delay(Interval, cancellationToken);
            if (processId is not { } id)
            {
                continue;
            }

            var now = ProcessStatus.Read(id);
            calm = last is { } before && IsCalm(before, now) ? calm + 1 : 0;
            last = now;
            progress.Report(string.Create(CultureInfo.InvariantCulture, $"settling, {now.ResidentBytes / 1048576.0:F1} MiB"));
        }
    }

    internal static bool IsCalm(ProcessStatus before, ProcessStatus now) =>
        Math.Abs(now.ResidentBytes - before.ResidentBytes) <= before.ResidentBytes * Tolerance && now.CpuTicks - before.CpuTicks <= 1;
}
