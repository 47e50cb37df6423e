using PipeWs.Client.Diagnostics;
using PipeWs.Client.Events;
using PipeWs.Protocol.Framing;

namespace PipeWs.Client;

// The end: what is pending leaves, the closing handshake, and every task gone, within CloseTimeout.
public sealed partial class WsClient
{
    /// <summary>How long after the transport was dropped a receive loop may take to see it, before it is taken for one whose handler does not return.</summary>
    private static readonly TimeSpan s_abandonAfter = TimeSpan.FromMilliseconds(500);

    private Task? _stop;

    /// <summary>Which tasks of the client are left, for tests; empty for none.</summary>
    internal string Unfinished => (_run.IsCompleted ? "" : "run ") + (_stop is null or { IsCompleted: true } ? "" : "stop ") + (_events.WhenIdleAsync().IsCompleted ? "" : "callbacks ") + (_writes.Pump.IsCompleted ? "" : "writes");

    /// <summary>
    /// Stops the client for good: refuses new messages, sends those that wait, closes the connection with 1000, cancels whatever else is under way, and completes when all its tasks have
    /// ended, within <see cref="WsClientOptions.CloseTimeout"/>. May be called at any time, any number of times.
    /// </summary>
    /// <param name="cancellationToken">Gives up waiting; the stop goes on.</param>
    /// <remarks>Called by a handler or callback of this client it completes when the stop has begun, since the end waits for that callback.</remarks>
    public Task StopAsync(CancellationToken cancellationToken = default)
    {
        Task stop;
        lock (_lock)
        {
            if (_stop is null)
            {
                _stopRequested = true;
                if (State != WsClientState.Failed)
                {
                    SetState(WsClientState.Stopping);
                }

                // Not in the caller's flow, which may be a callback's.
                using (ExecutionContext.IsFlowSuppressed() ? default(IDisposable?) : ExecutionContext.SuppressFlow())
                {
                    _stop = Task.Run(StopCoreAsync, CancellationToken.None);
                }
            }

            stop = _stop;
        }

        return s_runs.Value == this || EventSubscription.IsInCallbackOf(_events) ? Task.CompletedTask : stop.WaitAsync(cancellationToken);
    }

    /// <summary>Stops the client; see <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task StopCoreAsync()
    {
        using var deadline = new CancellationTokenSource(_options.CloseTimeout, _options.TimeProvider);
        WsClientConnection? connection = Volatile.Read(ref _current);
        if (connection is not null)
        {
            await _writes.DrainAsync().WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            connection.Connection.BeginClose(CloseCode.NormalClosure, "");
        }

        // A receiver that waits for a reader is released; so are the dial, the wait before it, and what a ready handler is doing.
        await CancelAsync(_ending, deadline.Token);
        _writes.Close();
        if (_runCancellation is { } run)
        {
            await CancelAsync(run, deadline.Token);
        }

        await _run.WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_run.IsCompleted)
        {
            connection?.Connection.Abort();
            Volatile.Read(ref _opening)?.Connection.Abort();
            await Task.WhenAny(_run, Task.Delay(s_abandonAfter, CancellationToken.None));
            _abandoned.TrySetResult();
            await Task.WhenAny(_run, Task.Delay(s_abandonAfter, CancellationToken.None));
        }

        await FinishAsync(deadline.Token);
    }

    /// <summary>Waits for what takes no time unless the application's own code does: until the time is up, and a moment more where it is.</summary>
    private static async Task WaitForCallbacksAsync(Task task, CancellationToken deadline)
    {
        await task.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await task.WaitAsync(s_abandonAfter, CancellationToken.None);
    }

    /// <summary>Cancels what is under way. What the application does upon that may fail, which is told, or not return, which is not waited for.</summary>
    private async Task CancelAsync(CancellationTokenSource source, CancellationToken deadline)
    {
        try
        {
            await source.CancelAsync().WaitAsync(deadline);
        }
        catch (OperationCanceledException)
        {
            // The time is up. What callbacks throw comes as an AggregateException.
        }
        catch (Exception e)
        {
            ReportCallbackError(nameof(CancellationToken), e);
        }
    }

    private async Task FinishAsync(CancellationToken deadline)
    {
        if (_options.TokenProvider is { } provider)
        {
            try
            {
                await WaitForCallbacksAsync(provider.DisposeAsync().AsTask(), deadline);
            }
            catch (Exception e)
            {
                ReportCallbackError(nameof(IAsyncTokenProvider), e);
            }
        }

        lock (_lock)
        {
            if (State != WsClientState.Failed)
            {
                SetState(WsClientState.Stopped);
            }

            _connected.TrySetException(new ObjectDisposedException(nameof(WsClient), "The client was stopped."));
            if (_connected.Task.IsCompletedSuccessfully)
            {
                _connected = NewSignal();
                _connected.TrySetException(new ObjectDisposedException(nameof(WsClient), "The client was stopped."));
            }
        }

        ClientLog.Stopped(_logger, Name);
        _reads.Complete(null);
        Layer?.OnEnded(null);
        _events.Complete(new WsClientShutdownEvent());
        _heartbeat.Remove(_heartbeatItem);
        if (_heartbeat.TimeProvider != TimeProvider.System)
        {
            _heartbeat.Dispose();
        }

        // Callbacks that still have events to handle are the client's tasks too; one that does not return is not waited for beyond the time.
        await WaitForCallbacksAsync(Task.WhenAll(_writes.Pump, _events.WhenIdleAsync()), deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
