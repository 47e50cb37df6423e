namespace PipeWs.Server.Filters;

/// <summary>What filters and hooks count.</summary>
internal sealed class FilterCounters
{
    private long _handlerFailures;
    private long _hookFailures;
    private long _rateLimited;

    /// <summary>Exceptions of handlers that <c>UseRecovery</c> caught.</summary>
    public long HandlerFailures => Volatile.Read(ref _handlerFailures);

    /// <summary>Exceptions of hooks, connection filters and handlers of the hub's events.</summary>
    public long HookFailures => Volatile.Read(ref _hookFailures);

    /// <summary>Messages over a rate limit.</summary>
    public long RateLimitedCount => Volatile.Read(ref _rateLimited);

    public void HandlerFailed() => Interlocked.Increment(ref _handlerFailures);

    public void HookFailed() => Interlocked.Increment(ref _hookFailures);

    public void RateLimited() => Interlocked.Increment(ref _rateLimited);
}
