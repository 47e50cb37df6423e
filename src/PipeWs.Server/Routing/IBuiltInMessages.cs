namespace PipeWs.Server.Routing;

/// <summary>What the hub does for the built-in messages that are about rooms. The router has read and judged the message before; it answers <c>ping</c> itself.</summary>
/// <remarks>A call's task completes when its answers have their place among what leaves. An exception is answered with an error, as for any route.</remarks>
internal interface IBuiltInMessages
{
    /// <summary>
    /// Joins rooms and answers each with <see cref="RequestContext.ReplyJoinAsync"/>, or puts <see cref="RequestContext.WriteJoinAnswer"/> in front of the
    /// room's messages itself.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="topics">One name at least; none is empty or too long.</param>
    /// <param name="since">Where the cursors start.</param>
    ValueTask OnSubscribeAsync(RequestContext context, IReadOnlyList<string> topics, WsSince since);

    /// <summary>Leaves rooms and answers each with <see cref="RequestContext.ReplyLeaveAsync"/>.</summary>
    /// <param name="context">The request.</param>
    /// <param name="topics">One name at least; none is empty or too long.</param>
    ValueTask OnUnsubscribeAsync(RequestContext context, IReadOnlyList<string> topics);

    /// <summary>Takes a cumulative acknowledgement of a room's messages.</summary>
    /// <param name="context">The request.</param>
    /// <param name="topic">The room's name.</param>
    /// <param name="sequenceNumber">The last message that was received; not negative.</param>
    ValueTask OnAckAsync(RequestContext context, string topic, long sequenceNumber);

    /// <summary>Takes a token that says who the connection is, and answers. Called only where the hub has an authenticator.</summary>
    /// <param name="context">The request.</param>
    ValueTask OnAuthenticateAsync(RequestContext context) => context.ReplyErrorAsync(404, "there is nobody to say it to");
}
