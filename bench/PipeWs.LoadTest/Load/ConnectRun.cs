using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Measurement;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// Connections that come and go, a fixed number at a time: each connects, upgrades, reads the answer and is reset. A reset leaves no address in TIME_WAIT, of which a long run would
/// run out.
/// </summary>
internal sealed class ConnectRun(LoadOptions options, ILoadProgress progress)
{
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly LatencyHistogram[] _latencies = [.. Enumerable.Range(0, options.Connections).Select(static _ => new LatencyHistogram())];
    private string? _firstError;
    private long _begun;
    private long _upgraded;
    private long _errors;
    private volatile bool _recording;
    private volatile bool _stopping;

    /// <summary>Makes the load and measures it.</summary>
    public async Task<LoadResult> RunAsync(CancellationToken cancellationToken)
    {
        ProcessStatus? baseline = ReadServer();
        Thread[] visitors = [.. Enumerable.Range(0, options.Connections).Select(i => new Thread(() => Visit(_latencies[i])) { IsBackground = true, Name = $"visitor {i}" })];
        foreach (Thread visitor in visitors)
        {
            visitor.Start();
        }

        try
        {
            progress.Report("warm-up");
            await Task.Delay(options.WarmUp, cancellationToken);
            long start = Stopwatch.GetTimestamp();
            (long upgraded, ProcessStatus? server, TimeSpan loadCpu) = (Volatile.Read(ref _upgraded), ReadServer(), Environment.CpuUsage.TotalTime);
            _recording = true;
            do
            {
                progress.Report("measuring");
                await Task.Delay(options.Duration, cancellationToken);
            }
            while (Volatile.Read(ref _upgraded) - upgraded < options.MinMessages && Stopwatch.GetElapsedTime(start) < options.DrainTimeout);

            _recording = false;
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            long messages = Volatile.Read(ref _upgraded) - upgraded;
            ProcessStatus? after = ReadServer();
            loadCpu = Environment.CpuUsage.TotalTime - loadCpu;
            Stop(visitors);
            return Describe() with
            {
                Seconds = seconds,
                Messages = messages,
                MessagesPerSecond = messages / seconds,
                LatencyMicroseconds = Summarize(),
                ServerCpuSeconds = after?.CpuSeconds - server?.CpuSeconds,
                BaselineBytes = baseline?.ResidentBytes,
                ResidentBytes = after?.ResidentBytes,
                LoadCpuSeconds = loadCpu.TotalSeconds,
            };
        }
        finally
        {
            Stop(visitors);
        }
    }

    private void Visit(LatencyHistogram latencies)
    {
        while (!_stopping)
        {
            Interlocked.Increment(ref _begun);
            long start = Stopwatch.GetTimestamp();
            try
            {
                using Socket socket = ClientHandshake.Connect(options.Url, out _);
                socket.LingerState = new LingerOption(true, 0);
                if (_recording)
                {
                    latencies.Record((long)((Stopwatch.GetTimestamp() - start) * NanosecondsPerTick));
                }

                Interlocked.Increment(ref _upgraded);
            }
            catch (Exception e) when (e is SocketException or ProtocolViolationException)
            {
                Interlocked.Increment(ref _errors);
                Interlocked.CompareExchange(ref _firstError, e.Message, null);
                if (_upgraded == 0)
                {
                    // Nobody is there.
                    return;
                }
            }
        }
    }

    private void Stop(Thread[] visitors)
    {
        _stopping = true;
        foreach (Thread visitor in visitors)
        {
            visitor.Join();
        }
    }

    private LatencySummary Summarize()
    {
        var all = new LatencyHistogram();
        foreach (LatencyHistogram latencies in _latencies)
        {
            all.Add(latencies);
        }

        return new LatencySummary(all.GetPercentile(50) / 1e3, all.GetPercentile(99) / 1e3, all.GetPercentile(99.9) / 1e3, all.Max / 1e3);
    }

    private LoadResult Describe() => new()
    {
        Url = options.Url.ToString(),
        Mode = options.Mode,
        Protocol = options.Protocol,
        Connections = options.Connections,
        Sent = _begun,
        Expected = _begun,
        Got = _upgraded,
        Errors = _errors,
        FirstError = _firstError,
    };

    private ProcessStatus? ReadServer() => options.ProcessId is { } id ? ProcessStatus.Read(id) : null;
}
