namespace PipeWs.Server;

/// <summary>Where a new member's cursor starts. <c>default</c> is the head: only what is published from now on.</summary>
public readonly record struct WsSince
{
    private WsSince(WsSinceKind kind, string? epoch, long sequenceNumber)
    {
        Kind = kind;
        Epoch = epoch;
        SequenceNumber = sequenceNumber;
    }

    /// <summary>Only what is published from now on.</summary>
    public static WsSince Head => default;

    /// <summary>The newest message first, then what is published from now on.</summary>
    public static WsSince Last { get; } = new(WsSinceKind.Last, null, 0);

    /// <summary>Which of the three it is.</summary>
    public WsSinceKind Kind { get; }

    /// <summary>The epoch that was being read.</summary>
    public string? Epoch { get; }

    /// <summary>The last sequence number that was received.</summary>
    public long SequenceNumber { get; }

    /// <summary>What follows this message, if the log still holds all of it.</summary>
    public static WsSince After(string epoch, long sequenceNumber) => new(WsSinceKind.After, epoch, sequenceNumber);
}

/// <summary>The kinds of <see cref="WsSince"/>.</summary>
public enum WsSinceKind : byte
{
    /// <summary>From now on.</summary>
    Head,

    /// <summary>From the newest message.</summary>
    Last,

    /// <summary>After a given message.</summary>
    After,
}

/// <summary>What came of an attempt to join a room.</summary>
public enum WsJoinStatus : byte
{
    /// <summary>The connection is a member now.</summary>
    Joined,

    /// <summary>It was one before; nothing changed.</summary>
    AlreadyMember,

    /// <summary>The room has as many members as MaxConnectionsPerRoom allows.</summary>
    RoomFull,

    /// <summary>The connection is in as many rooms as MaxRoomsPerConnection allows.</summary>
    TooManyRooms,

    /// <summary>The name is empty, longer than 255 bytes, or not a name the hub allows.</summary>
    InvalidName,

    /// <summary>The connection is closing.</summary>
    Closed,

    /// <summary>A hook of <c>OnJoinRoom</c> refused it; see <see cref="WsJoinResult.Code"/>.</summary>
    Refused,

    /// <summary>The connection may not: the room's authorization policy refuses its user, or it has not said who it is yet. The error's code is 403.</summary>
    Forbidden,

    /// <summary>The room would be one more than MaxRooms allows the hub.</summary>
    HubFull,

    /// <summary>So much of rooms' history was repeated to the connection that it must wait for more (ReplayBytesPerSecond), or join at the head.</summary>
    TooMuchReplay,
}

/// <summary>The answer to a join.</summary>
/// <param name="Status">What came of it.</param>
/// <param name="Epoch">The room's epoch.</param>
/// <param name="Head">The log's head when the cursor was placed.</param>
/// <param name="Recovered">Null unless a resume was asked for; whether all that follows it will be sent.</param>
/// <param name="Reason">Why it was not recovered or not joined, in plain words; null otherwise.</param>
public readonly record struct WsJoinResult(WsJoinStatus Status, string Epoch, long Head, bool? Recovered, string? Reason)
{
    /// <summary>The code of the error where the status is <see cref="WsJoinStatus.Refused"/>: 403 unless whoever refused said otherwise. 0 in all other cases.</summary>
    public int Code { get; init; }

    /// <summary>Whether the connection is a member.</summary>
    public bool IsMember => Status is WsJoinStatus.Joined or WsJoinStatus.AlreadyMember;
}
