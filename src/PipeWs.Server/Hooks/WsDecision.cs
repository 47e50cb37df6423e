namespace PipeWs.Server;

/// <summary>What a hook says to what it was asked: <c>default</c> allows it.</summary>
/// <remarks>A hook that decides at once returns it as it is: it converts to a completed task, without an allocation.</remarks>
public readonly record struct WsDecision
{
    private WsDecision(string reason, int code)
    {
        Reason = reason;
        Code = code;
    }

    /// <summary>It may go on.</summary>
    public static WsDecision Allow => default;

    /// <summary>Whether it may not go on.</summary>
    public bool IsRefused => Reason is not null;

    /// <summary>Why not, in plain words for the peer; null where it is allowed.</summary>
    public string? Reason { get; }

    /// <summary>The code of the refusal; 0 for the place's default.</summary>
    public int Code { get; }

    /// <summary>It may not go on.</summary>
    /// <param name="reason">Why, in plain words: the peer reads it. As the reason of a close, at most 123 bytes of UTF-8; what is longer is cut.</param>
    /// <param name="code">
    /// 0 for the place's default. Of a connection, a close code (RFC 6455, section 7.4: 1000-1003, 1007-1014 or 3000-4999), by default 1008; of a message or of a join, the code of
    /// an error, 400-599, by default 403.
    /// </param>
    public static WsDecision Refuse(string reason, int code = 0)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ArgumentOutOfRangeException.ThrowIfNegative(code);
        return new WsDecision(reason, code);
    }

    /// <summary>The decision as a task that has completed.</summary>
    public static implicit operator ValueTask<WsDecision>(WsDecision decision) => new(decision);

    /// <summary>The decision as a task that has completed.</summary>
    public ValueTask<WsDecision> ToValueTask() => new(this);
}
