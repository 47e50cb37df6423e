using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Routing;

namespace PipeWs.Server;

/// <summary>
/// The hooks of a hub: what the application is asked, and told, about connections, messages and rooms. There may be several of each; they are called in the order they
/// were added, one after the other. A hook that throws is logged, told to <see cref="OnError"/>, and breaks nothing else.
/// </summary>
public static class PipeWsBuilderHookExtensions
{
    /// <summary>
    /// Asked about every new connection, after its handshake and its welcome message, before anything of it is read and before it hears what is sent to all or to its user. A refusal
    /// closes it with 1008 or the code given; the first counts, and later hooks are not asked. One that throws closes it with 1011.
    /// </summary>
    /// <remarks>
    /// A hook sees who the connection is: where that comes in its first message (<see cref="WsAuthenticationMode.FirstMessage"/>), it is asked after the token was taken and before that is
    /// acknowledged, and never about a connection that does not authenticate. A hook may send, set metadata and join rooms. One that takes long holds up this connection alone, and no longer than
    /// <see cref="PipeWsOptions.HandshakeTimeout"/>: then it has failed. <see cref="IWsConnection.ConnectionClosed"/> fires where the peer goes meanwhile, and after that the hook is
    /// waited for no longer than <see cref="PipeWsOptions.CloseTimeout"/>. Where all hooks decide at once, whoever has read the welcome is found by <see cref="IWsHub.User"/>.
    /// </remarks>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="hook">Decides.</param>
    public static IPipeWsBuilder OnConnect(this IPipeWsBuilder builder, Func<IWsConnection, ValueTask<WsDecision>> hook) =>
        builder.Register(hook, static registration => registration.ConnectHooks);

    /// <summary>
    /// Told once about the end of each connection for which <see cref="OnConnect"/> began, refused ones too, when it has left its rooms and the hub's lists.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="hook">Is given the connection and how it ended.</param>
    public static IPipeWsBuilder OnDisconnect(this IPipeWsBuilder builder, Func<IWsConnection, WsCloseInfo, ValueTask> hook) =>
        builder.Register(hook, static registration => registration.DisconnectHooks);

    /// <summary>
    /// Asked about every message before it is routed and before any filter. A refusal is answered with an error 403 or the code given, and the connection lives; the first
    /// counts, and later hooks are not asked. One that throws refuses with 500.
    /// </summary>
    /// <remarks>
    /// JSON messages have their <see cref="WsMessageContext.Action"/> and <see cref="WsMessageContext.RequestId"/> by then; built-in messages are asked about too. In a hub that
    /// takes its text raw a refused message is dropped without an answer. Of a message in parts the hook is asked about the first, and the others share its fate.
    /// </remarks>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="hook">Decides.</param>
    public static IPipeWsBuilder OnMessage(this IPipeWsBuilder builder, Func<WsMessageContext, ValueTask<WsDecision>> hook) =>
        builder.Register(hook, static registration => registration.MessageHooks);

    /// <summary>
    /// Told of every exception of handlers, filters, hooks and handlers of the hub's events, after it was logged and after the peer had its answer. The connection's next
    /// message waits for the hook. How handlers give up when their connection ends (<see cref="OperationCanceledException"/>, <see cref="WsClosedException"/>) is no error.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="hook">Is given the exception and where it happened. Its own exceptions are logged only.</param>
    public static IPipeWsBuilder OnError(this IPipeWsBuilder builder, Func<WsErrorContext, ValueTask> hook) =>
        builder.Register(hook, static registration => registration.ErrorHooks);

    /// <summary>
    /// Asked before a connection joins a room, by its own <c>subscribe</c> or by <see cref="IWsConnection.JoinAsync"/>, where it is no member yet and the name is valid. A refusal
    /// is <see cref="WsJoinStatus.Refused"/>, and to the peer an error 403 or the code given; the first counts, and later hooks are not asked. One that throws refuses with 500.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="hook">Is given the connection and the room's name, and decides.</param>
    public static IPipeWsBuilder OnJoinRoom(this IPipeWsBuilder builder, Func<IWsConnection, string, ValueTask<WsDecision>> hook) =>
        builder.Register(hook, static registration => registration.JoinRoomHooks);

    /// <summary>
    /// Told after a connection left a room, whichever way: by its own <c>unsubscribe</c>, by <see cref="IWsConnection.LeaveAsync"/>, by the room's policy for slow members, by its
    /// end. Once for each time it was a member, after the handlers of <see cref="IWsHub.Left"/>.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="hook">Is given the room, the connection and the number of members that are left.</param>
    public static IPipeWsBuilder OnLeaveRoom(this IPipeWsBuilder builder, Func<WsRoomEvent, ValueTask> hook) =>
        builder.Register(hook, static registration => registration.LeaveRoomHooks);

    private static IPipeWsBuilder Register<T>(this IPipeWsBuilder builder, T hook, Func<HubRegistration, List<T>> list)
        where T : Delegate
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(hook);
        builder.Services.Configure<HubRegistration>(builder.Name, registration => list(registration).Add(hook));
        return builder;
    }
}
