namespace PipeWs.Server.Hubs;

/// <summary>What is waited for of a connection that has filters around it.</summary>
internal sealed class FilteredService
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Its life inside its filters, once the innermost of them has begun it.</summary>
    internal TaskCompletionSource<Task> Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the end of that.</summary>
    internal Task Ended => _ended.Task;

    /// <summary>It has ended.</summary>
    internal void SetEnded(Exception? failure)
    {
        if (failure is null)
        {
            _ended.SetResult();
        }
        else
        {
            _ended.SetException(failure);
        }
    }
}
