using System.Diagnostics;
using System.Globalization;
using PipeWs.LoadTest.Measurement;

namespace PipeWs.LoadTest.Load;

/// <summary>One load from its first connection to its result.</summary>
internal sealed partial class LoadRun(LoadOptions options, ILoadProgress progress) : IDisposable
{
    /// <summary>What is said when a load that is measured on request is warm and rests.</summary>
    public const string Ready = "ready";

    private const int WarmUpConnections = 200;
    private const int WarmUpRounds = 10;

    private static readonly TimeSpan WarmUpPause = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a load that has rested is under way again before it is measured.</summary>
    private static readonly TimeSpan Resumption = TimeSpan.FromMilliseconds(200);

    private readonly TaskCompletionSource _allProbed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LoadThread[] _threads = [];
    private FanOutPublisher[] _publishers = [];
    private int _probed;

    /// <summary>Makes the load and measures it.</summary>
    /// <exception cref="InvalidOperationException">The load cannot be made: too few files, no such process, no delivery at all.</exception>
    public static async Task<LoadResult> RunAsync(LoadOptions options, ILoadProgress progress, CancellationToken cancellationToken)
    {
        ThrowIfTooFewFiles(options);
        if (options.Mode == LoadMode.Connect)
        {
            return await new ConnectRun(options, progress).RunAsync(cancellationToken);
        }

        if (options.Mode == LoadMode.Idle)
        {
            // The first connections pay for code and pools that all later ones share; they come and go before the baseline is taken. Few at a time, so that no table is as large before as
            // afterwards; and with pauses, in which the server's compiler makes better code of what was called often, in several steps.
            for (int round = 0; round < WarmUpRounds; round++)
            {
                using (var warmUp = new LoadRun(options with { Connections = Math.Min(WarmUpConnections, options.Connections) }, progress))
                {
                    warmUp.Open(cancellationToken);
                    warmUp.Start();
                }

                await Task.Delay(WarmUpPause, cancellationToken);
            }

            await SettleAsync(options, progress, cancellationToken);
        }

        ProcessStatus? baseline = ReadServer(options);
        using var run = new LoadRun(options, progress);
        run.Open(cancellationToken);
        run.Start();
        if (options.Mode == LoadMode.Idle)
        {
            return await run.MeasureIdleAsync(baseline, cancellationToken);
        }

        await run.BeginAsync(mayRest: false, cancellationToken);
        return await run.MeasureAsync(baseline, cancellationToken);
    }

    /// <summary>
    /// Makes a load of echoes or of a fan-out, and measures it once for each line of <paramref name="requests"/>, until they end. In between it rests: the connections stay, and nothing is sent.
    /// </summary>
    /// <param name="options">The load.</param>
    /// <param name="requests">The requests.</param>
    /// <param name="answers">Gets <see cref="Ready"/> after the warm-up, and then a line of JSON for each request: of what was sent since the one before.</param>
    /// <param name="progress">Takes the news.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Whether all of it was sound.</returns>
    /// <inheritdoc cref="RunAsync" path="/exception"/>
    public static async Task<bool> RunOnRequestAsync(LoadOptions options, TextReader requests, TextWriter answers, ILoadProgress progress, CancellationToken cancellationToken)
    {
        ThrowIfTooFewFiles(options);
        ProcessStatus? baseline = ReadServer(options);
        using var run = new LoadRun(options, progress);
        run.Open(cancellationToken);
        run.Start();
        await run.BeginAsync(mayRest: true, cancellationToken);
        await run.PauseAsync(cancellationToken);
        await answers.WriteLineAsync(Ready.AsMemory(), cancellationToken);
        await answers.FlushAsync(cancellationToken);
        bool isSound = true;
        while (await requests.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(cancellationToken) is not null)
        {
            run.Resume();
            await run.WatchAsync("under way again", Resumption, cancellationToken);
            LoadResult result = await run.MeasureAsync(baseline, cancellationToken);
            isSound &= result.IsSound;
            await answers.WriteLineAsync(result.ToJson().AsMemory(), cancellationToken);
            await answers.FlushAsync(cancellationToken);
        }

        return isSound;
    }

    private static void ThrowIfTooFewFiles(LoadOptions options)
    {
        if (FileLimit.Explain(options.Connections, FileLimit.Read()) is { } tooFew)
        {
            throw new InvalidOperationException(tooFew);
        }
    }

    public void Dispose()
    {
        foreach (LoadThread thread in _threads)
        {
            thread.BeginClose();
        }

        foreach (LoadThread thread in _threads)
        {
            thread.Dispose();
        }
    }

    private void Open(CancellationToken cancellationToken)
    {
        int threadCount = Math.Min(options.Threads, options.Connections);
        _threads = new LoadThread[threadCount];
        for (int i = 0; i < threadCount; i++)
        {
            _threads[i] = new LoadThread(CreateWorkload(), options, i);
        }

        for (int i = 0; i < options.Connections; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _threads[i % threadCount].Add(LoadConnection.Open(options, i));
            if ((i + 1) % 1000 == 0)
            {
                progress.Report(string.Create(CultureInfo.InvariantCulture, $"{i + 1:N0} connections"));
            }
        }

        if (options.Mode == LoadMode.FanOut)
        {
            // Publisher i is connection i, which went to thread i modulo the threads.
            _publishers = [.. Enumerable.Range(0, options.Publishers).Select(i => new FanOutPublisher(_threads[i % threadCount].Connections[i / threadCount], options, i, threadCount))];
            foreach (LoadThread thread in _threads)
            {
                ((FanOutWorkload)thread.Workload).SetUp(_publishers, thread.Connections.Count, paces: thread == _threads[0]);
            }
        }
    }

    private Workload CreateWorkload() => options.Mode switch
    {
        LoadMode.Echo => new EchoWorkload(options),
        LoadMode.FanOut => new FanOutWorkload(options, OnProbed),
        _ => new IdleWorkload(),
    };

    private void Start()
    {
        foreach (LoadThread thread in _threads)
        {
            thread.Start();
        }
    }

    private void OnProbed()
    {
        if (Interlocked.Increment(ref _probed) == options.Connections)
        {
            _allProbed.TrySetResult();
        }
    }

    private async Task BeginAsync(bool mayRest, CancellationToken cancellationToken)
    {
        if (options.Mode == LoadMode.FanOut)
        {
            await JoinAllAsync(cancellationToken);
            StartPublishing();
        }

        await WarmUpAsync(mayRest, cancellationToken);
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        Stop();
        await DrainAsync(cancellationToken);
    }

    private void Resume()
    {
        foreach (LoadThread thread in _threads)
        {
            thread.Workload.Resume();
        }

        foreach (FanOutPublisher publisher in _publishers)
        {
            publisher.Resume();
        }

        if (options.Mode == LoadMode.FanOut)
        {
            StartPublishing();
        }
    }

    // A server may answer the handshake before it has added the connection to its room, and what is published between the two does not reach it. That is
    // not a loss, so nothing counts until each subscriber has got a probe.
    private async Task JoinAllAsync(CancellationToken cancellationToken)
    {
        progress.Report("waiting until all subscribers get messages");
        long start = Stopwatch.GetTimestamp();
        while (!_allProbed.Task.IsCompleted)
        {
            _publishers[0].Probe();
            ThrowIfFailed();
            if (Stopwatch.GetElapsedTime(start) > options.JoinTimeout)
            {
                string? error = _threads.Select(thread => thread.Workload.FirstError).FirstOrDefault(e => e is not null);
                throw new InvalidOperationException($"Only {Volatile.Read(ref _probed)} of {options.Connections} subscribers get what is published. {error}");
            }

            await Task.WhenAny(_allProbed.Task, Task.Delay(ProbeInterval, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private void StartPublishing()
    {
        if (options.Rate is not null)
        {
            ((FanOutWorkload)_threads[0].Workload).StartPacing();
            return;
        }

        foreach (FanOutPublisher publisher in _publishers)
        {
            publisher.FillWindow();
        }
    }

    private void Stop()
    {
        foreach (LoadThread thread in _threads)
        {
            thread.Workload.Stopping = true;
        }

        foreach (FanOutPublisher publisher in _publishers)
        {
            publisher.Stop();
        }
    }

    // In echo a thread that is in the middle of a batch may send a little more after it was told to stop, so what is expected is counted anew each time.
    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (CountMessages() < CountSent().Expected && Stopwatch.GetElapsedTime(start) < options.DrainTimeout && CountClosed() < options.Connections)
        {
            await Task.Delay(10, cancellationToken);
            ThrowIfFailed();
        }
    }

    private void ThrowIfFailed()
    {
        foreach (LoadThread thread in _threads)
        {
            if (thread.Failure is { } failure)
            {
                throw new InvalidOperationException("The load generator failed.", failure);
            }
        }
    }
}
