using System.Diagnostics;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Measurement;
using PipeWs.LoadTest.Native;

namespace PipeWs.LoadTest.Disturb;

/// <summary>
/// Measures whether connections whose handlers throw, hang or flood slow down the others of the same hub. Undisturbed and disturbed rounds take turns, so that what else
/// the machine does falls on both.
/// </summary>
internal static class DisturbRun
{
    private const int MeasuredConnections = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);
    private static readonly string[] Kinds = ["throw", "hang", "flood"];

    /// <summary>Measures. Blocks its thread, which is the one that measures.</summary>
    public static DisturbResult Run(DisturbOptions options, ILoadProgress progress, CancellationToken cancellationToken)
    {
        if (FileLimit.Explain((options.Connections * Kinds.Length) + MeasuredConnections, FileLimit.Read()) is { } tooFew)
        {
            throw new InvalidOperationException(tooFew);
        }

        var result = new DisturbResult();
        JsonClient[] measured = [.. Enumerable.Range(0, MeasuredConnections).Select(_ => new JsonClient(options.Url, "echo"))];
        try
        {
            foreach (JsonClient client in measured)
            {
                client.WaitFor(1);
            }

            Measure(measured, options.Seconds, new LatencyHistogram(), cancellationToken);
            for (int round = 1; round <= options.Rounds; round++)
            {
                progress.Report($"round {round} of {options.Rounds}: undisturbed");
                Measure(measured, options.Seconds, result.Undisturbed, cancellationToken);
                progress.Report($"round {round} of {options.Rounds}: disturbed");
                using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                using var opened = new ManualResetEventSlim();
                long received = 0;
                Exception? failure = null;
                var disturbing = new Thread(() =>
                {
                    try
                    {
                        received = Disturb(options, opened, end.Token);
                    }
                    catch (Exception e)
                    {
                        failure = e;
                    }
                    finally
                    {
                        opened.Set();
                    }
                }) { IsBackground = true };
                disturbing.Start();
                opened.Wait(cancellationToken);
                Measure(measured, options.Seconds, result.Disturbed, cancellationToken);
                end.Cancel();
                disturbing.Join();
                if (failure is not null)
                {
                    throw new InvalidOperationException($"The connections that disturb failed: {failure.Message}", failure);
                }

                result.DisturbingMessages += received;
            }

            result.Lost = measured.Count(static client => client.IsClosed);
            return result;
        }
        finally
        {
            foreach (JsonClient client in measured)
            {
                client.Dispose();
            }
        }
    }

    private static void Measure(JsonClient[] clients, double seconds, LatencyHistogram latencies, CancellationToken cancellationToken)
    {
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        for (int i = 0; Stopwatch.GetTimestamp() < end; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            JsonClient client = clients[i % clients.Length];
            if (!client.IsClosed)
            {
                long start = Stopwatch.GetTimestamp();
                client.Ask();
                latencies.Record((long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
            }

            Thread.Sleep(Pause);
        }
    }

    /// <returns>How many messages came, welcomes aside.</returns>
    private static long Disturb(DisturbOptions options, ManualResetEventSlim opened, CancellationToken end)
    {
        // The clients that disturb must not hold up the thread that measures: it is the server's handlers that are to be compared.
        Libc.GiveWay();
        JsonClient[] clients = [.. Enumerable.Range(0, options.Connections * Kinds.Length).Select(i => new JsonClient(options.Url, Kinds[i % Kinds.Length]))];
        long start = Stopwatch.GetTimestamp();
        opened.Set();

        // One after the other, evenly: a hundred requests in one instant would measure the burst, and not what handlers do to each other.
        long pushes = 0;
        while (!end.IsCancellationRequested)
        {
            for (; pushes < Stopwatch.GetElapsedTime(start).TotalSeconds * options.Rate * clients.Length; pushes++)
            {
                clients[pushes % clients.Length].Push();
            }

            Thread.Sleep(Pause);
        }

        foreach (JsonClient client in clients)
        {
            client.Dispose();
        }

        return clients.Sum(static client => Math.Max(0, client.Received - 1));
    }
}
