namespace PipeWs.Server;

/// <summary>What comes next for a message: the following filter, or its handler.</summary>
/// <param name="context">The context that the filter was given.</param>
public delegate ValueTask WsMessageDelegate(WsMessageContext context);

/// <summary>
/// Code around the handling of every message, or of one action's. Filters are put together once, when the hub starts, in the order they were added: the hub's, then the
/// route's. One object serves all connections: it is called from many threads at once, with one message of a connection at a time.
/// </summary>
/// <remarks>
/// JSON messages come when their action is known, built-in ones (<c>subscribe</c>, <c>unsubscribe</c>, <c>ping</c>, <c>ack</c>) and unknown ones (whose
/// <see cref="WsMessageContext.Action"/> is empty, and which are answered with 404 at the end) as well; what is no message of this kind at all was answered before.
/// Raw messages come whole, or in their parts. An <c>auth</c> message, and what comes before a connection has said who it is, passes the hub's rate limits and no other filter.
/// </remarks>
public interface IWsMessageFilter
{
    /// <summary>
    /// Handles the message, mostly by calling <paramref name="next"/>. A filter that does not says so to the peer with <see cref="WsMessageContext.RefuseAsync"/>;
    /// otherwise a request that asks for an answer gets an ack.
    /// </summary>
    /// <param name="context">The message. Valid until the task completes.</param>
    /// <param name="next">What comes next. It may throw what the handler throws, before or after its task is given.</param>
    ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next);
}
