using System.Diagnostics.CodeAnalysis;

namespace PipeWs.Server;

/// <summary>The living hub: its connections, users and rooms. A singleton; every member is safe from any thread.</summary>
public interface IWsHub
{
    /// <summary>The name given to <c>AddPipeWs</c>; empty for the default hub.</summary>
    string Name { get; }

    /// <summary>How many connections are open.</summary>
    int ConnectionCount { get; }

    /// <summary>The open connections, as they were at some moment during the enumeration.</summary>
    IEnumerable<IWsConnection> Connections { get; }

    /// <summary>The rooms that exist, as they were at some moment during the enumeration.</summary>
    IEnumerable<IWsRoom> Rooms { get; }

    /// <summary>
    /// Sends to every connection of the hub, in one order for all. A connection hears it once a message of its own was handled, and already from its welcome on where no filter, hook or
    /// authentication takes its time. The answer to its handshake leaves a moment before.
    /// </summary>
    IWsSender All { get; }

    /// <summary>Finds an open connection by its id.</summary>
    bool TryGetConnection(string id, [NotNullWhen(true)] out IWsConnection? connection);

    /// <summary>Sends to the connection with this id; to nobody where there is none.</summary>
    IWsSender Connection(string id);

    /// <summary>Sends to all connections of a user (<see cref="IWsConnection.UserId"/>); to nobody where there is none.</summary>
    IWsSender User(string userId);

    /// <summary>The open connections of a user.</summary>
    IReadOnlyList<IWsConnection> UserConnections(string userId);

    /// <summary>
    /// The room of this name. A room is created by the first to join it or to publish where it has history; the handle is valid whether or not it exists now.
    /// </summary>
    /// <exception cref="ArgumentException">The name is empty or longer than 255 bytes of UTF-8.</exception>
    IWsRoom Room(string name);

    /// <summary>Finds a room that exists now.</summary>
    bool TryGetRoom(string name, [NotNullWhen(true)] out IWsRoom? room);

    /// <summary>
    /// Reads what the hub is doing. Walks over all rooms, and over the members of the rooms that are listed: for an operator who looks every second, not for a handler of messages.
    /// </summary>
    /// <param name="maxRooms">How many rooms are listed, those with the most members first. Default 100.</param>
    /// <param name="room">The only room that is listed; null for as many as <paramref name="maxRooms"/> says.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxRooms"/> is negative.</exception>
    WsHubStatistics GetStatistics(int maxRooms = 100, string? room = null);

    /// <summary>
    /// Empties the hub before this process is replaced: it takes no more connections (503), and asks those it has to come back, to another, spread over a window. Each is
    /// closed after what is pending for it, with <c>reconnect after N ms</c> as the close reason and, where the hub speaks JSON, a message
    /// <c>{"type":"reconnect","after":N}</c> before it.
    /// </summary>
    /// <remarks>The hub stays closed. Where the application stops meanwhile, all that are left are closed at once, with 1001.</remarks>
    /// <param name="options">The window, the hints and the close code; null for the defaults.</param>
    /// <param name="cancellationToken">Leaves the connections that are left as they are.</param>
    /// <returns>A task that completes when all connections are gone and their handlers have returned.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A window is negative or longer than 24 days, or the code must not be sent.</exception>
    Task DrainAsync(WsDrainOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Raised after a connection joined a room; not where it left again before anybody was told.</summary>
    event Action<WsRoomEvent>? Joined;

    /// <summary>Raised after a connection left a room, by itself or by closing: once for each <see cref="Joined"/>, and after its handlers have returned.</summary>
    event Action<WsRoomEvent>? Left;
}

/// <summary>A connection joined or left a room.</summary>
/// <param name="Room">The room's name.</param>
/// <param name="Connection">The connection.</param>
/// <param name="Members">The number of members after it.</param>
public readonly record struct WsRoomEvent(string Room, IWsConnection Connection, int Members);
