namespace PipeWs.Server;

/// <summary>What happens to a message that comes faster than <see cref="PipeWsOptions.InboundMessagesPerSecond"/> or <see cref="PipeWsOptions.InboundBytesPerSecond"/> allow.</summary>
public enum WsRateLimitPolicy : byte
{
    /// <summary>
    /// It is not handled, and answered with an error 429 that names the limit and carries the request's id. What cannot be answered so waits, as in <see cref="Wait"/>:
    /// pings and pongs, binary messages, and those of raw handlers.
    /// </summary>
    ReplyError,

    /// <summary>It waits for its turn, and nothing more is read from the peer meanwhile, which slows the peer down in the end.</summary>
    Wait,

    /// <summary>The connection is closed with 1008, and the limit's name as the reason.</summary>
    Close,
}
