using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Filters;
using PipeWs.Server.Routing;

namespace PipeWs.Server;

/// <summary>The handlers of a hub's messages.</summary>
public static class PipeWsBuilderRoutingExtensions
{
    /// <summary>
    /// Gives all text messages to one handler, as they come; there are no JSON messages in this hub then, and starting it fails if it has actions too.
    /// An exception of the handler's ends the connection with 1011.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="handler">Takes messages one after the other per connection; the payload is borrowed until its task completes.</param>
    public static IPipeWsBuilder OnText(this IPipeWsBuilder builder, Func<WsMessageContext, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return builder.Register(registration =>
        {
            ThrowIfTaken(registration.TakesRawText, "text");
            registration.OnText = handler;
        });
    }

    /// <summary>
    /// Gives all binary messages to one handler, as they come. Without one, a binary message ends the connection with 1003.
    /// An exception of the handler's ends the connection with 1011.
    /// </summary>
    /// <inheritdoc cref="OnText"/>
    public static IPipeWsBuilder OnBinary(this IPipeWsBuilder builder, Func<WsMessageContext, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return builder.Register(registration =>
        {
            ThrowIfTaken(registration.OnBinary is not null || registration.OnBinaryParts is not null, "binary");
            registration.OnBinary = handler;
        });
    }

    /// <summary>
    /// Gives all text messages to one handler in parts, as their bytes come and however large they are: <see cref="PipeWsOptions.MaxMessageBytes"/> does not apply.
    /// See <see cref="WsMessageContext.IsFirstPart"/> and <see cref="WsMessageContext.IsLastPart"/>; a part may end within a character.
    /// </summary>
    /// <inheritdoc cref="OnText"/>
    public static IPipeWsBuilder OnTextParts(this IPipeWsBuilder builder, Func<WsMessageContext, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return builder.Register(registration =>
        {
            ThrowIfTaken(registration.TakesRawText, "text");
            registration.OnTextParts = handler;
        });
    }

    /// <summary>
    /// Gives all binary messages to one handler in parts, as their bytes come and however large they are: <see cref="PipeWsOptions.MaxMessageBytes"/> does not apply.
    /// See <see cref="WsMessageContext.IsFirstPart"/> and <see cref="WsMessageContext.IsLastPart"/>.
    /// </summary>
    /// <inheritdoc cref="OnText"/>
    public static IPipeWsBuilder OnBinaryParts(this IPipeWsBuilder builder, Func<WsMessageContext, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return builder.Register(registration =>
        {
            ThrowIfTaken(registration.OnBinary is not null || registration.OnBinaryParts is not null, "binary");
            registration.OnBinaryParts = handler;
        });
    }

    /// <summary>
    /// Gives the JSON messages with this action to a handler, with the body as it came in <see cref="WsMessageContext.Body"/>. A request with an id that the handler
    /// does not answer gets an ack; an exception is logged and answered with an error 500, and the connection lives.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="action">The action, compared case-sensitively; at most 255 bytes of UTF-8, and none of subscribe, unsubscribe, ping, ack.</param>
    /// <param name="handler">Takes messages one after the other per connection.</param>
    /// <param name="configure">Adds filters, limits and policies of this action's own.</param>
    /// <exception cref="ArgumentException">The name cannot be mapped. A name that is mapped twice is found when the hub starts.</exception>
    public static IPipeWsBuilder MapAction(this IPipeWsBuilder builder, string action, Func<WsMessageContext, ValueTask> handler, Action<IWsRouteBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(handler);
        return builder.Map(new RawRoute(action, handler) { Filters = RouteBuilder.Build(action, builder.Services, configure) });
    }

    /// <summary>
    /// Gives the JSON messages with this action to a handler, with the body deserialized. A body that is missing or does not fit is answered with an error 400
    /// that says where; otherwise as <see cref="MapAction(IPipeWsBuilder, string, Func{WsMessageContext, ValueTask}, Action{IWsRouteBuilder})"/>.
    /// </summary>
    /// <typeparam name="T">The body's type. A class is never null; <c>T?</c> of a value type may be.</typeparam>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="action">The action, compared case-sensitively; at most 255 bytes of UTF-8, and none of subscribe, unsubscribe, ping, ack.</param>
    /// <param name="type">How the body is read, from a source-generated context.</param>
    /// <param name="handler">Takes messages one after the other per connection.</param>
    /// <param name="configure">Adds filters, limits and policies of this action's own.</param>
    /// <exception cref="ArgumentException">The name cannot be mapped. A name that is mapped twice is found when the hub starts.</exception>
    public static IPipeWsBuilder MapAction<T>(
        this IPipeWsBuilder builder, string action, JsonTypeInfo<T> type, Func<WsMessageContext, T, ValueTask> handler, Action<IWsRouteBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(handler);
        return builder.Map(new TypedRoute<T>(action, type, handler) { Filters = RouteBuilder.Build(action, builder.Services, configure) });
    }

    /// <summary>Sets the options of the rooms whose names match, starting from those of <see cref="PipeWsOptions.Rooms"/>.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="pattern">A room's name, or the start of names with a <c>*</c> behind it. The exact name wins over patterns, the longest pattern over the others.</param>
    /// <param name="configure">Sets what differs.</param>
    /// <exception cref="ArgumentException">The pattern is empty, or has a <c>*</c> elsewhere than at its end.</exception>
    public static IPipeWsBuilder ConfigureRooms(this IPipeWsBuilder builder, string pattern, Action<WsRoomOptions> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        ArgumentNullException.ThrowIfNull(configure);
        if (pattern.AsSpan(0, pattern.Length - 1).Contains('*'))
        {
            throw new ArgumentException($"\"{pattern}\": a * stands at the end of a pattern or nowhere.", nameof(pattern));
        }

        return builder.Register(registration => registration.RoomRules.Add((pattern, configure)));
    }

    private static void ThrowIfTaken(bool isTaken, string kind)
    {
        if (isTaken)
        {
            throw new InvalidOperationException($"The hub has a raw handler for {kind} messages already.");
        }
    }

    private static IPipeWsBuilder Map(this IPipeWsBuilder builder, Route route)
    {
        Router.ThrowIfBuiltIn(route.Name);
        return builder.Register(registration => registration.Actions.Add(route));
    }

    private static IPipeWsBuilder Register(this IPipeWsBuilder builder, Action<HubRegistration> register)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure(builder.Name, register);
        return builder;
    }
}
