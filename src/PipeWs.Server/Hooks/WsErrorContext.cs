namespace PipeWs.Server;

/// <summary>An exception of the application's code, and where it happened.</summary>
/// <param name="Exception">What was thrown.</param>
/// <param name="Source">By what.</param>
/// <param name="Connection">The connection it was about; it may have ended.</param>
/// <param name="Action">The action of the message; empty where it was about none, or about one without.</param>
/// <param name="Room">The room's name; null where it was about none.</param>
public sealed record WsErrorContext(Exception Exception, WsErrorSource Source, IWsConnection Connection, string Action = "", string? Room = null);

/// <summary>What code of the application's threw.</summary>
public enum WsErrorSource : byte
{
    /// <summary>A message's handler, or a filter around it.</summary>
    Message,

    /// <summary>A filter around a connection.</summary>
    ConnectionFilter,

    /// <summary>A hook of <c>OnConnect</c>: the connection was closed with 1011.</summary>
    ConnectHook,

    /// <summary>A hook of <c>OnDisconnect</c>.</summary>
    DisconnectHook,

    /// <summary>A hook of <c>OnMessage</c>: the message was refused with an error 500.</summary>
    MessageHook,

    /// <summary>A hook of <c>OnJoinRoom</c>: the join was refused with an error 500.</summary>
    JoinRoomHook,

    /// <summary>A hook of <c>OnLeaveRoom</c>.</summary>
    LeaveRoomHook,

    /// <summary>A handler of <see cref="IWsHub.Joined"/> or <see cref="IWsHub.Left"/>.</summary>
    RoomEvent,
}
