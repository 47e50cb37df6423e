namespace PipeWs.Client.Topics;

/// <summary>The tasks of a session, so that its end can wait for them.</summary>
internal sealed class BackgroundTasks(Action<Exception> onFailed)
{
    private readonly Lock _lock = new();
    private int _count;
    private TaskCompletionSource? _idle;

    /// <summary>Runs a task on the pool, not in the flow of whoever asks for it.</summary>
    public void Run(Func<Task> work)
    {
        lock (_lock)
        {
            _count++;
        }

        using (ExecutionContext.IsFlowSuppressed() ? default(IDisposable?) : ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => RunAsync(work));
        }
    }

    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            if (_count == 0)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    private async Task RunAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e)
        {
            onFailed(e);
        }
        finally
        {
            lock (_lock)
            {
                if (--_count == 0)
                {
                    _idle?.TrySetResult();
                    _idle = null;
                }
            }
        }
    }
}
