using Microsoft.Extensions.Logging;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Filters;
using PipeWs.Server.Hooks;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hubs;

// The application's filters and hooks around a connection's life.
internal sealed partial class Hub
{
    private WsConnectionDelegate? _connectionPipeline;
    private FilterScope? _filters;

    internal HubHooks Hooks { get; }

    /// <summary>
    /// Makes the filters, from the application's services: once, before the first connection. Not in the constructor, so that a filter may ask for the hub.
    /// </summary>
    /// <exception cref="InvalidOperationException">A filter refers to a limit or a policy that does not exist.</exception>
    internal void Start()
    {
        _filters = new FilterScope(Name, _registration, _services, Hooks, _loggers, Time);
        try
        {
            if (MessagePipeline.Create(_filters) is { } pipeline)
            {
                Router = CreateRouter(pipeline);
            }

            if (_registration.ConnectionFilters.Count > 0)
            {
                WsConnectionDelegate next = ServeOnceAsync;
                foreach (ConnectionFilterFactory make in _registration.ConnectionFilters.AsEnumerable().Reverse())
                {
                    next = new ConnectionStage(make(_filters), next).InvokeAsync;
                }

                _connectionPipeline = next;
            }
        }
        catch
        {
            _filters.Dispose();
            throw;
        }
    }

    private Router CreateRouter(MessagePipeline? pipeline) =>
        new(_registration, this, _loggers.CreateLogger("PipeWs.Server.Router"), _routerOptions, Hooks, pipeline) { Counters = Counters };

    /// <summary>The connection's life inside its filters.</summary>
    private async Task ServeFilteredAsync(HubConnection connection, WsConnectionDelegate pipeline)
    {
        var service = new FilteredService();
        connection.Service = service;
        try
        {
            Task running = pipeline(connection);
            if (!await IsServedInTimeAsync(running, connection))
            {
                _ = ForgetAsync(running);
                throw new TimeoutException($"A connection filter has not called next within {Options.HandshakeTimeout} (HandshakeTimeout), and is waited for no more.");
            }

            await UntilGivenUpAsync(new ValueTask(running), connection);
        }
        catch (Exception e)
        {
            connection.BeginClose(CloseCode.InternalError, "internal error");
            if (!HubHooks.IsGivingUp(e, connection))
            {
                Counters.HookFailed();
                LogConnectionFilterFailed(_logger, connection.Id, e);
                await Hooks.OnErrorAsync(new WsErrorContext(e, WsErrorSource.ConnectionFilter, connection));
            }
        }

        // A filter that returns before the connection has ended does not end it; one that never let it be served has refused it.
        if (connection.TryBeginServing())
        {
            connection.BeginClose(CloseCode.PolicyViolation, "the connection was refused");
            await ServeInsideAsync(connection, Task.CompletedTask);
            return;
        }

        await await service.Begun.Task;
    }

    /// <summary>Whether a connection's filters come to its service, or to their end, in time. One that hangs would keep the connection's place for ever: nothing is read of it yet.</summary>
    private async ValueTask<bool> IsServedInTimeAsync(Task running, HubConnection connection)
    {
        if (running.IsCompleted || connection.Service!.Begun.Task.IsCompleted)
        {
            return true;
        }

        try
        {
            await Task.WhenAny(running, connection.Service.Begun.Task, _givenUp.Task).WaitAsync(Options.HandshakeTimeout, Time);
            return true;
        }
        catch (TimeoutException)
        {
            return connection.IsServing;
        }
    }

    private static async Task ForgetAsync(Task left)
    {
        try
        {
            await left;
        }
        catch (Exception)
        {
            // It was told of when it was left behind.
        }
    }

    /// <summary>What is at the end of a connection's filters.</summary>
    private Task ServeOnceAsync(IWsConnection connection)
    {
        if (connection is not HubConnection own || own.Hub != this)
        {
            throw new InvalidOperationException("A connection filter calls next with the connection it was given.");
        }

        if (!own.TryBeginServing())
        {
            throw new InvalidOperationException("A connection filter calls next once, before it returns and within HandshakeTimeout.");
        }

        Task served = ServeInFiltersAsync(own, OpenAsync(own));
        own.Service!.Begun.SetResult(served);
        return served;
    }

    private async Task ServeInFiltersAsync(HubConnection connection, Task opened)
    {
        // Out of the batch in which the filters were called: what is read must not be a part of it.
        await Task.Yield();
        await ServeInsideAsync(connection, opened);
    }

    /// <summary>Serves what is inside the filters; what is around them lets go of the connection.</summary>
    private Task ServeInsideAsync(HubConnection connection, Task opened)
    {
        Serve(connection, opened);
        return connection.Service!.Ended;
    }

    /// <summary>Asks whether a connection may stay. One that may not is closed; one that is closing already is not asked about.</summary>
    private ValueTask<bool> AdmitAsync(HubConnection connection)
    {
        if (connection.Ws.IsClosing)
        {
            return new ValueTask<bool>(false);
        }

        connection.IsAnnounced = true;
        return Hooks.Connect is null ? new ValueTask<bool>(true) : AskAsync(connection, Hooks.Connect);
    }

    private async ValueTask<bool> AskAsync(HubConnection connection, DecisionHooks<IWsConnection> hooks)
    {
        WsDecision decision;
        Task<WsDecision> asking = hooks.AskAsync(connection).AsTask();
        try
        {
            decision = await asking.WaitAsync(Options.HandshakeTimeout, Time, connection.ConnectionClosed);
        }
        catch (TimeoutException e)
        {
            _ = ForgetAsync(asking);
            var late = new TimeoutException($"A hook of OnConnect has not answered within {Options.HandshakeTimeout} (HandshakeTimeout), and is waited for no more.", e);
            connection.BeginClose(CloseCode.InternalError, "internal error");
            await Hooks.FailedAsync(new WsErrorContext(late, WsErrorSource.ConnectHook, connection));
            return false;
        }
        catch (OperationCanceledException)
        {
            // It has had its signal. A hook that never returns must keep neither the connection's place nor the application from stopping.
            try
            {
                await Task.WhenAny(asking, _givenUp.Task).WaitAsync(Options.CloseTimeout, Time);
            }
            catch (TimeoutException)
            {
            }

            if (!asking.IsCompleted)
            {
                LogHookLeftBehind(_logger, connection.Id);
                connection.BeginClose(CloseCode.InternalError, "internal error");
                return false;
            }

            decision = await asking;
        }

        if (decision.IsRefused)
        {
            connection.BeginClose((ushort)decision.Code, decision.Reason!);
            return false;
        }

        return true;
    }

    /// <summary>Tells the hooks of the end of a connection that the application was told of.</summary>
    private ValueTask TellOfEndAsync(HubConnection connection)
    {
        if (!connection.IsAnnounced || Hooks.Disconnect is not { } hooks)
        {
            return default;
        }

        // Not completed only where the hub itself failed.
        WsCloseInfo info = connection.Closed is { IsCompletedSuccessfully: true } closed
            ? closed.Result
            : new WsCloseInfo(CloseCode.AbnormalClosure, "", WsCloseInitiator.Local, WasClean: false);
        return hooks.TellAsync((connection, info));
    }

    /// <summary>Waits for code of the application's, until there is no more time for it.</summary>
    private async ValueTask UntilGivenUpAsync(ValueTask work, HubConnection connection)
    {
        if (work.IsCompletedSuccessfully)
        {
            return;
        }

        Task running = work.AsTask();
        await Task.WhenAny(running, _givenUp.Task);
        if (!running.IsCompleted)
        {
            LogLeftBehind(_logger, connection.Id);
            return;
        }

        await running;
    }

    private sealed class ConnectionStage(IWsConnectionFilter filter, WsConnectionDelegate next)
    {
        public Task InvokeAsync(IWsConnection connection) => filter.InvokeAsync(connection, next);
    }

    [LoggerMessage(EventId = 2103, EventName = "ConnectionFilterFailed", Level = LogLevel.Error, Message = "Connection {ConnectionId}: a connection filter failed")]
    private static partial void LogConnectionFilterFailed(ILogger logger, string connectionId, Exception exception);

    [LoggerMessage(EventId = 2104, EventName = "ConnectHookLeftBehind", Level = LogLevel.Warning, Message = "Connection {ConnectionId} ended while a hook of OnConnect was at work, which did not return in time and is waited for no more")]
    private static partial void LogHookLeftBehind(ILogger logger, string connectionId);
}
