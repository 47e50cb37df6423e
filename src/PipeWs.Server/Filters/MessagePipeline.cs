using PipeWs.Server.Hooks;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Filters;

/// <summary>Puts filters and handlers together, when the hub starts. What has no filter stays as it is.</summary>
internal sealed class MessagePipeline
{
    private readonly FilterScope _scope;
    private readonly IWsMessageFilter[] _filters;
    private readonly IWsMessageFilter? _observer;

    private MessagePipeline(FilterScope scope)
    {
        _scope = scope;
        List<IWsMessageFilter> filters = [];
        if (scope.Hooks.Message is { } hooks)
        {
            filters.Add(new MessageHookFilter(hooks, scope.Hooks));
        }

        filters.AddRange(scope.Registration.MessageFilters.Select(make => make(scope)));
        _filters = [.. filters];
        _observer = scope.Hooks.HasError ? new ErrorObserver(scope.Hooks) : null;
    }

    /// <summary>Whether unknown actions pass filters.</summary>
    public bool HasFilters => _filters.Length > 0;

    /// <summary>Makes the hub's filters.</summary>
    /// <returns>Null where there is nothing to put together.</returns>
    public static MessagePipeline? Create(FilterScope scope)
    {
        HubRegistration registration = scope.Registration;
        bool isNeeded = registration.MessageFilters.Count > 0
            || registration.Actions.Exists(static route => route.Filters.Count > 0)
            || scope.Hooks.Message is not null
            || scope.Hooks.HasError;
        return isNeeded ? new MessagePipeline(scope) : null;
    }

    /// <summary>The handler of an action, or of a built-in message, behind its filters.</summary>
    public Route Wrap(Route route) =>
        _filters.Length == 0 && route.Filters.Count == 0
            ? route
            : new FilteredRoute(route.Name, Compose([.. _filters, .. route.Filters.Select(make => make(_scope))], context => route.InvokeAsync((RequestContext)context)));

    /// <summary>
    /// What a connection may say about who it is, or before it has said so, behind the hub's limits alone: no other filter sees it, and none of it may be said without end.
    /// </summary>
    public Route WrapLimits(Route route)
    {
        IWsMessageFilter[] limits = [.. _filters.Where(static filter => filter is RateLimitFilter)];
        return limits.Length == 0 ? route : new LimitedRoute(route.Name, Compose(limits, context => route.InvokeAsync((RequestContext)context)));
    }

    /// <summary>A raw handler behind its filters. What comes out of it ends the connection, and whoever asked is told of it here.</summary>
    public Func<WsMessageContext, ValueTask>? Wrap(Func<WsMessageContext, ValueTask>? handler)
    {
        IWsMessageFilter[] filters = _observer is null ? _filters : [_observer, .. _filters];
        return handler is null || filters.Length == 0 ? handler : new Func<WsMessageContext, ValueTask>(Compose(filters, new WsMessageDelegate(handler)));
    }

    private static WsMessageDelegate Compose(IWsMessageFilter[] filters, WsMessageDelegate end)
    {
        WsMessageDelegate next = end;
        for (int i = filters.Length - 1; i >= 0; i--)
        {
            next = new Stage(filters[i], next).InvokeAsync;
        }

        return next;
    }

    private sealed class Stage(IWsMessageFilter filter, WsMessageDelegate next)
    {
        public ValueTask InvokeAsync(WsMessageContext context) => filter.InvokeAsync(context, next);
    }
}

/// <summary>A route behind its filters.</summary>
internal sealed class FilteredRoute(string name, WsMessageDelegate pipeline) : Route(name)
{
    public override ValueTask InvokeAsync(RequestContext context) => pipeline(context);
}

/// <summary>A route behind limits, whose refusals are answered even where the hub's other messages are not JSON: this one is.</summary>
internal sealed class LimitedRoute(string name, WsMessageDelegate pipeline) : Route(name)
{
    public override async ValueTask InvokeAsync(RequestContext context)
    {
        await pipeline(context);
        if (context is { IsRefused: true, HasReplied: false })
        {
            await context.ReplyErrorAsync(context.ErrorCode, "too many messages");
        }
    }
}

/// <summary>A filter of the application's in a few lines.</summary>
internal sealed class DelegateMessageFilter(Func<WsMessageContext, WsMessageDelegate, ValueTask> filter) : IWsMessageFilter
{
    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next) => filter(context, next);
}

/// <inheritdoc cref="DelegateMessageFilter"/>
internal sealed class DelegateConnectionFilter(Func<IWsConnection, WsConnectionDelegate, Task> filter) : IWsConnectionFilter
{
    public Task InvokeAsync(IWsConnection connection, WsConnectionDelegate next) => filter(connection, next);
}
