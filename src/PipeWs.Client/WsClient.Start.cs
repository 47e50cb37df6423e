namespace PipeWs.Client;

// The beginning, and what may be asked of a client that has begun.
public sealed partial class WsClient
{
    /// <summary>Dials, and completes when the first connection is ready.</summary>
    /// <param name="cancellationToken">Gives the start up; the client may be started again.</param>
    /// <exception cref="WsDialException">The first dial failed, and <see cref="WsClientOptions.RetryFirstDial"/> is not set; the client may be started again.</exception>
    /// <exception cref="WsClientFailedException">The first dials failed until the reconnect policy gave up.</exception>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="ObjectDisposedException">It was stopped.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        (Task first, Task run, CancellationTokenSource cancellation) = Begin();
        try
        {
            await first.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && !first.IsFaulted)
        {
            // Also where it connects at this very moment: who is told that the start was given up does not look for a connection.
            using (var deadline = new CancellationTokenSource(_options.CloseTimeout, _options.TimeProvider))
            {
                await CancelAsync(cancellation, deadline.Token);
            }

            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        catch (Exception) when (State == WsClientState.Created || first.IsFaulted)
        {
            // It may be started again once the attempt's task is gone.
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>Starts without waiting: the first dial is tried again like any other, whatever the options say.</summary>
    /// <inheritdoc cref="StartAsync" path="/exception[@cref='InvalidOperationException']"/>
    /// <inheritdoc cref="StartAsync" path="/exception[@cref='ObjectDisposedException']"/>
    public void Start() => _ = Begin(retriesFirst: true);

    /// <summary>Completes as soon as there is a connection that is ready; at once where there is one.</summary>
    /// <exception cref="WsClientFailedException">The client has given up.</exception>
    /// <exception cref="ObjectDisposedException">The client was stopped.</exception>
    public Task WaitForConnectionAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return _connected.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Ends the connection, if there is one, by a closing handshake, and connects anew at once. Does not wait for either.</summary>
    /// <param name="reason">The close reason; at most 123 bytes of UTF-8.</param>
    public void Reconnect(string reason = "")
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (Volatile.Read(ref _current) is { } connection)
        {
            EndPlanned(connection, reason, forToken: false, atOnce: true);
        }
    }

    private static TaskCompletionSource NewSignal()
    {
        var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        // Nobody may be waiting when it fails.
        _ = signal.Task.ContinueWith(static task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return signal;
    }

    private (Task First, Task Run, CancellationTokenSource Cancellation) Begin(bool retriesFirst = false)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopRequested, this);
            if (State != WsClientState.Created || !_run.IsCompleted)
            {
                throw new InvalidOperationException("The client was started already.");
            }

            TaskCompletionSource first = NewSignal();

            // The one before is not disposed: whoever gave that start up may be about to cancel it.
            _runCancellation = new CancellationTokenSource();
            SetState(WsClientState.Connecting);
            CancellationToken cancelled = _runCancellation.Token;
            _run = Task.Run(() => RunAsync(first, retriesFirst || _options.RetryFirstDial, cancelled), CancellationToken.None);
            return (first.Task, _run, _runCancellation);
        }
    }

    /// <summary>Ends a connection to connect anew: at once where that is asked for or it was stable, otherwise as the reconnect policy says.</summary>
    internal static void EndPlanned(WsClientConnection connection, string reason, bool forToken, bool atOnce = false)
    {
        if (!connection.Connection.IsClosing)
        {
            connection.PlannedForToken = forToken;
            connection.PlannedAtOnce = atOnce;
            connection.PlannedEnd = reason;
            connection.Connection.BeginClose(Protocol.Framing.CloseCode.NormalClosure, reason);
        }
    }
}
