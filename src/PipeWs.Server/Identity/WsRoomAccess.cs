namespace PipeWs.Server;

/// <summary>What a room's authorization policy is asked about: the resource that its handlers get.</summary>
/// <param name="Connection">The connection that wants to join.</param>
/// <param name="Room">The room's name.</param>
public sealed record WsRoomAccess(IWsConnection Connection, string Room);
