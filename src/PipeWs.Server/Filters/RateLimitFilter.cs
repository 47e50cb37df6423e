using System.Threading.RateLimiting;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Filters;

/// <summary>Lets through what is within a limit.</summary>
internal sealed partial class RateLimitFilter : IWsMessageFilter, IDisposable
{
    private readonly RateLimitPartitions _partitions;
    private readonly WsRateLimitOptions _options;
    private readonly HubCounters _counters;
    private readonly ILogger _logger;
    private readonly string _refusal;

    public RateLimitFilter(WsRateLimitOptions options, FilterScope scope)
    {
        _options = options;
        _counters = scope.Counters;
        _logger = scope.Logger;
        _refusal = $"too many messages: over the rate limit \"{options.Name}\"";
        _partitions = new RateLimitPartitions(options, scope.Time);
    }

    internal RateLimitPartitions Partitions => _partitions;

    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
    {
        if (!context.IsFirstPart)
        {
            return next(context);
        }

        RateLimitLease lease = _partitions.TryAcquire(context.Connection);
        if (lease.IsAcquired)
        {
            return Go(lease, context, next);
        }

        lease.Dispose();
        return _options.Exceeded == WsRateLimitExceeded.Wait ? WaitAsync(context, next) : RefuseAsync(context);
    }

    public void Dispose() => _partitions.Dispose();

    private static ValueTask Go(RateLimitLease lease, WsMessageContext context, WsMessageDelegate next)
    {
        ValueTask pending;
        try
        {
            pending = next(context);
        }
        catch
        {
            lease.Dispose();
            throw;
        }

        if (!pending.IsCompletedSuccessfully)
        {
            return GoAwaited(pending, lease);
        }

        lease.Dispose();
        return pending;
    }

    private static async ValueTask GoAwaited(ValueTask pending, RateLimitLease lease)
    {
        try
        {
            await pending;
        }
        finally
        {
            lease.Dispose();
        }
    }

    private async ValueTask WaitAsync(WsMessageContext context, WsMessageDelegate next)
    {
        RateLimitLease lease;
        try
        {
            lease = await _partitions.AcquireAsync(context.Connection, context.ConnectionClosed);
        }
        catch (OperationCanceledException) when (context.ConnectionClosed.IsCancellationRequested)
        {
            // Nobody is left to answer.
            return;
        }

        if (lease.IsAcquired)
        {
            await Go(lease, context, next);
            return;
        }

        lease.Dispose();
        await RefuseAsync(context);
    }

    private async ValueTask RefuseAsync(WsMessageContext context)
    {
        _counters.RateLimited();
        LogRateLimited(_logger, context.Connection.Id, context.Action, _options.Name);
        await context.RefuseAsync(429, _refusal);
        if (_options.Exceeded == WsRateLimitExceeded.Close)
        {
            context.Connection.BeginClose(1008, _refusal);
        }
    }

    // At Debug, since a peer decides how often it happens.
    [LoggerMessage(EventId = 2112, EventName = "RateLimited", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: a message with action \"{Action}\" was over the rate limit \"{Limit}\"")]
    private static partial void LogRateLimited(ILogger logger, string connectionId, string action, string limit);
}
