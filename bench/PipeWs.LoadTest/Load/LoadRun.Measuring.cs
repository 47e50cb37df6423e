using System.Diagnostics;
using System.Globalization;
using PipeWs.LoadTest.Measurement;
using PipeWs.LoadTest.Servers;

namespace PipeWs.LoadTest.Load;

// What is measured of a load that is under way, and what has to have settled before.
internal sealed partial class LoadRun
{
    /// <summary>By how much a warm-up may be longer than was asked for, while the server's compiler is at work.</summary>
    private const int CompilerPatience = 4;

    private static readonly TimeSpan CompilerLook = TimeSpan.FromSeconds(1);

    // What earlier results have told of.
    private (long Sent, long Expected, long Got, long Errors, long Closed) _told;

    // A server's compiler is one more thread, on a core that the load alone keeps busy; and what it has not done yet would be measured with the server. Where the load rests
    // now and then anyway, the compiler gets its time in rests.
    private async Task WarmUpAsync(bool mayRest, CancellationToken cancellationToken)
    {
        await WatchAsync("warm-up", options.WarmUp, cancellationToken);
        long start = Stopwatch.GetTimestamp();
        while (options.ProcessId is { } server && Stopwatch.GetElapsedTime(start) < CompilerPatience * options.WarmUp && CountClosed() < options.Connections)
        {
            long? before = CompilerTime.Read(server);
            if (mayRest)
            {
                await PauseAsync(cancellationToken);
                await Task.Delay(CompilerLook, cancellationToken);
                Resume();
            }

            await WatchAsync("warm-up, while the server compiles,", CompilerLook, cancellationToken);
            if (CompilerTime.Read(server) is not { } after || after - before <= 1)
            {
                return;
            }
        }
    }

    private static async Task SettleAsync(LoadOptions options, ILoadProgress progress, CancellationToken cancellationToken)
    {
        await MemorySettling.WaitAsync(options.ProcessId, options.Duration, progress, cancellationToken);
        if (options is { Compacts: true, ProcessId: { } server })
        {
            Compaction.Ask(server);
            await MemorySettling.WaitAsync(server, options.Duration, progress, cancellationToken);
        }
    }

    private async Task<LoadResult> MeasureIdleAsync(ProcessStatus? baseline, CancellationToken cancellationToken)
    {
        await SettleAsync(options, progress, cancellationToken);
        ThrowIfFailed();
        ProcessStatus? settled = ReadServer(options);
        return Describe() with { BaselineBytes = baseline?.ResidentBytes, ResidentBytes = settled?.ResidentBytes };
    }

    private async Task<LoadResult> MeasureAsync(ProcessStatus? baseline, CancellationToken cancellationToken)
    {
        SetRecording(true);
        var before = Sample.Take(this);
        await WatchAsync("measuring", options.Duration, cancellationToken);
        var after = Sample.Take(this);
        SetRecording(false);
        await PauseAsync(cancellationToken);
        return Summarize(before, after, baseline);
    }

    private async Task WatchAsync(string phase, TimeSpan time, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        long first = CountMessages();
        long last = first;
        TimeSpan lastTime = TimeSpan.Zero;
        while (CountClosed() < options.Connections)
        {
            TimeSpan left = time - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero && (last - first >= options.MinMessages || left < -options.DrainTimeout))
            {
                return;
            }

            await Task.Delay(left < TimeSpan.FromSeconds(1.1) ? TimeSpan.FromMilliseconds(Math.Max(10, left.TotalMilliseconds)) : TimeSpan.FromSeconds(1), cancellationToken);
            ThrowIfFailed();
            long now = CountMessages();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            progress.Report(string.Create(CultureInfo.InvariantCulture, $"{phase} {elapsed.TotalSeconds:F0} of {time.TotalSeconds:F0} s, {(now - last) / (elapsed - lastTime).TotalSeconds:N0} messages/s"));
            (last, lastTime) = (now, elapsed);
        }
    }

    private LoadResult Summarize(in Sample before, in Sample after, ProcessStatus? baseline)
    {
        (long sent, long expected) = CountSent();
        double seconds = Stopwatch.GetElapsedTime(before.Time, after.Time).TotalSeconds;
        long messages = after.Messages - before.Messages;
        var latencies = new LatencyHistogram();
        foreach (LoadThread thread in _threads)
        {
            latencies.Add(thread.Workload.Latencies);
            thread.Workload.Latencies.Clear();
        }

        long got = CountMessages();
        LoadResult load = Describe();
        var told = _told;
        _told = (sent, expected, got, load.Errors, load.ClosedByServer);
        return load with
        {
            Seconds = seconds,
            Messages = messages,
            MessagesPerSecond = messages / seconds,
            LatencyMicroseconds = new LatencySummary(latencies.GetPercentile(50) / 1e3, latencies.GetPercentile(99) / 1e3, latencies.GetPercentile(99.9) / 1e3, latencies.Max / 1e3),
            Sent = sent - told.Sent,
            Expected = expected - told.Expected,
            Got = got - told.Got,
            Errors = load.Errors - told.Errors,
            ClosedByServer = load.ClosedByServer - told.Closed,
            ServerCpuSeconds = after.Server?.CpuSeconds - before.Server?.CpuSeconds,
            BaselineBytes = baseline?.ResidentBytes,
            ResidentBytes = after.Server?.ResidentBytes,
            LoadCpuSeconds = (after.LoadCpu - before.LoadCpu).TotalSeconds,
        };
    }

    private LoadResult Describe() => new()
    {
        Url = options.Url.ToString(),
        Mode = options.Mode,
        Protocol = options.Protocol,
        Connections = options.Connections,
        InFlight = options.Mode == LoadMode.Echo ? options.InFlight : null,
        Window = options.Mode == LoadMode.FanOut && options.Rate is null ? options.Window : null,
        Rate = options.Mode == LoadMode.FanOut ? options.Rate : null,
        Publishers = options.Mode == LoadMode.FanOut ? options.Publishers : null,
        PayloadBytes = options.Mode == LoadMode.Idle ? null : options.PayloadBytes,
        Errors = _threads.Sum(thread => thread.Workload.Errors),
        ClosedByServer = CountClosed(),
        FirstError = _threads.Select(thread => thread.Workload.FirstError).FirstOrDefault(error => error is not null),
    };

    private long CountMessages() => _threads.Sum(thread => thread.Workload.Messages);

    private long CountClosed() => _threads.Sum(thread => thread.Workload.ClosedByServer);

    private (long Sent, long Expected) CountSent()
    {
        if (options.Mode == LoadMode.FanOut)
        {
            long published = _publishers.Sum(publisher => publisher.Sent);
            return (published, published * options.Connections);
        }

        long sent = _threads.Sum(thread => ((EchoWorkload)thread.Workload).Sent);
        return (sent, sent);
    }

    private void SetRecording(bool recording)
    {
        foreach (LoadThread thread in _threads)
        {
            thread.Workload.Recording = recording;
        }
    }

    private static ProcessStatus? ReadServer(LoadOptions options) => options.ProcessId is { } id ? ProcessStatus.Read(id) : null;

    private readonly record struct Sample(long Time, long Messages, ProcessStatus? Server, TimeSpan LoadCpu)
    {
        public static Sample Take(LoadRun run) => new(Stopwatch.GetTimestamp(), run.CountMessages(), run.ReadServerIfAlive(), Environment.CpuUsage.TotalTime);
    }

    // A server that died under the load is a result, told by its closed connections.
    private ProcessStatus? ReadServerIfAlive()
    {
        try
        {
            return ReadServer(options);
        }
        catch (InvalidOperationException) when (CountClosed() > 0)
        {
            return null;
        }
    }
}
