using Microsoft.Extensions.Logging;
using PipeWs.Messages;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Filters;
using PipeWs.Server.Hooks;

namespace PipeWs.Server.Routing;

/// <summary>
/// Takes a connection's messages to their handlers: raw ones as they come, JSON ones by their discriminator. One a hub, made when it starts; it holds
/// no state of a message, which lives in the connection's <see cref="RequestContext"/>.
/// </summary>
internal sealed partial class Router
{
    private readonly Func<WsMessageContext, ValueTask>? _onText;
    private readonly Func<WsMessageContext, ValueTask>? _onBinary;
    private readonly Func<WsMessageContext, ValueTask>? _onTextParts;
    private readonly Func<WsMessageContext, ValueTask>? _onBinaryParts;
    private readonly RouteTable _routes;
    private readonly IBuiltInMessages _builtIns;
    private readonly EnvelopeNames _names;
    private readonly int _maxTopics;
    private readonly bool _validateUtf8;
    private readonly ILogger _logger;
    private readonly HubHooks? _hooks;

    /// <summary>What an unknown action passes before it is answered with 404; null where there is nothing.</summary>
    private readonly Route? _unknown;

    /// <summary>Where failures are counted; null where nobody does.</summary>
    public HubCounters? Counters { get; init; }

    /// <summary>Makes the router of a hub.</summary>
    /// <exception cref="InvalidOperationException">The hub has a raw handler for text and actions too.</exception>
    /// <exception cref="ArgumentException">An action is mapped twice, or has the name of a built-in message.</exception>
    public Router(HubRegistration registration, IBuiltInMessages builtIns, ILogger logger, RouterOptions? options = null, HubHooks? hooks = null, MessagePipeline? pipeline = null)
    {
        options ??= new RouterOptions();
        if (registration.TakesRawText && registration.Actions.Count > 0)
        {
            throw new InvalidOperationException(
                $"A hub takes its text messages either raw or as JSON: it has {(registration.OnText is not null ? "OnText" : "OnTextParts")} and also MapAction for {string.Join(", ", registration.Actions.Select(static route => $"\"{route.Name}\""))}.");
        }

        foreach (Route route in registration.Actions)
        {
            ThrowIfBuiltIn(route.Name);
        }

        _onText = registration.OnText;
        _onBinary = registration.OnBinary;
        _onTextParts = registration.OnTextParts;
        _onBinaryParts = registration.OnBinaryParts;
        _hooks = hooks;
        _builtIns = builtIns;
        _logger = logger;
        _names = options.Names;
        _maxTopics = options.MaxTopicsPerMessage;
        _validateUtf8 = options.ValidateUtf8;
        var ping = new BuiltInRoute("ping", static context => context.ReplyPongAsync());
        _earlyPing = pipeline?.WrapLimits(ping) ?? ping;
        Route? auth = CreateAuthRoute(registration);
        _auth = auth is null ? null : pipeline?.WrapLimits(auth) ?? auth;
        var early = new BuiltInRoute("unauthenticated", RefuseUnauthenticated);
        _early = pipeline?.WrapLimits(early) ?? early;
        Route[] routes =
        [
            .. registration.Actions,
            new BuiltInRoute("subscribe", OnSubscribe),
            new BuiltInRoute("unsubscribe", OnUnsubscribe),
            ping,
            new BuiltInRoute("ack", OnAck),
        ];
        if (pipeline is not null)
        {
            routes = [.. routes.Select(pipeline.Wrap)];
            _onText = pipeline.Wrap(_onText);
            _onBinary = pipeline.Wrap(_onBinary);
            _onTextParts = pipeline.Wrap(_onTextParts);
            _onBinaryParts = pipeline.Wrap(_onBinaryParts);
            _unknown = pipeline.HasFilters ? pipeline.Wrap(new BuiltInRoute("unknown", RefuseUnknown)) : null;
        }

        // Without filters but limits: one that asks for a user must not stand before the message that says who it is.
        _routes = new RouteTable([.. routes, .. _auth is null ? [] : (ReadOnlySpan<Route>)[_auth]]);
    }

    /// <exception cref="ArgumentException">The name is that of a built-in message.</exception>
    public static void ThrowIfBuiltIn(string action)
    {
        if (BuiltInRoute.Names.Contains(action))
        {
            throw new ArgumentException($"\"{action}\" is a built-in message and cannot be mapped.", nameof(action));
        }
    }

    private ValueTask OnSubscribe(RequestContext context)
    {
        var topics = new List<string>(1);
        EnvelopeError error = TopicRequest.Read(context.Message.Span, in context.Envelope, _maxTopics, topics, out SinceValue since);
        if (error.IsError)
        {
            return context.ReplyErrorAsync(error.Code, error.Reason);
        }

        return _builtIns.OnSubscribeAsync(context, topics, since.IsLast ? WsSince.Last : since.Epoch is string epoch ? WsSince.After(epoch, since.SequenceNumber) : WsSince.Head);
    }

    private ValueTask OnUnsubscribe(RequestContext context)
    {
        var topics = new List<string>(1);
        EnvelopeError error = TopicRequest.Read(context.Message.Span, in context.Envelope, _maxTopics, topics, out _);
        return error.IsError ? context.ReplyErrorAsync(error.Code, error.Reason) : _builtIns.OnUnsubscribeAsync(context, topics);
    }

    private ValueTask OnAck(RequestContext context) =>
        context.Topic is { Length: > 0 } topic && context.Envelope.HasSequenceNumber && context.Envelope.SequenceNumber >= 0
            ? _builtIns.OnAckAsync(context, topic, context.Envelope.SequenceNumber)
            : context.ReplyErrorAsync(400, "an ack has a \"topic\" and the \"sn\" up to which it counts");
}
