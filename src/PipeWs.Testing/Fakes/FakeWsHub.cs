using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using PipeWs.Server;
using PipeWs.Server.Rooms;

namespace PipeWs.Testing;

/// <summary>
/// A hub without transports, for unit tests of what sends through <see cref="IWsHub"/>: its connections and rooms are fakes that remember. What is sent to a user, a room or all is
/// remembered by that sender, and by the connections that it reaches. Safe from any thread.
/// </summary>
public sealed partial class FakeWsHub : IWsHub
{
    private readonly Lock _gate = new();
    private readonly List<FakeWsConnection> _connections = [];
    private readonly ConcurrentDictionary<string, FakeWsRoom> _rooms = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, FakeWsSender> _users = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, FakeWsSender> _absent = new(StringComparer.Ordinal);
    private long _hookErrors;

    /// <summary>Creates a hub with nobody in it.</summary>
    /// <param name="name">Its name.</param>
    public FakeWsHub(string name = "")
    {
        Name = name;
        All = new FakeGroupSender(() => Connections);
    }

    /// <inheritdoc/>
    public event Action<WsRoomEvent>? Joined;

    /// <inheritdoc/>
    public event Action<WsRoomEvent>? Left;

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int ConnectionCount => Connections.Count;

    /// <summary>The connections that have not ended.</summary>
    public IReadOnlyList<FakeWsConnection> Connections
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections];
            }
        }
    }

    /// <summary>The rooms that were asked for, whether or not a real hub would have them; as an <see cref="IWsHub"/> it lists those that have members or messages.</summary>
    public IReadOnlyList<FakeWsRoom> Rooms => [.. _rooms.Values];

    /// <summary>Sends to every connection, and remembers what.</summary>
    public FakeWsSender All { get; }

    IEnumerable<IWsConnection> IWsHub.Connections => Connections;

    IEnumerable<IWsRoom> IWsHub.Rooms => Rooms.Where(static room => room.Exists);

    IWsSender IWsHub.All => All;

    /// <summary>Adds a connection.</summary>
    /// <param name="id">Its id; null for one of its own.</param>
    /// <param name="userId">Its user's id; null for nobody.</param>
    public FakeWsConnection Connect(string? id = null, string? userId = null) => new(id, userId, this);

    /// <inheritdoc/>
    public bool TryGetConnection(string id, [NotNullWhen(true)] out IWsConnection? connection)
    {
        connection = Find(id);
        return connection is not null;
    }

    /// <summary>The connection with this id; where there is none, a sender that reaches nobody and remembers all the same.</summary>
    public FakeWsSender Connection(string id) => (FakeWsSender?)Find(id) ?? _absent.GetOrAdd(id, static _ => new FakeWsSender());

    IWsSender IWsHub.Connection(string id) => Connection(id);

    /// <summary>Sends to all connections of a user, and remembers what; the same sender each time.</summary>
    public FakeWsSender User(string userId) => _users.GetOrAdd(userId, user => new FakeGroupSender(() => Of(user)));

    IWsSender IWsHub.User(string userId) => User(userId);

    /// <inheritdoc/>
    public IReadOnlyList<IWsConnection> UserConnections(string userId) => Of(userId);

    /// <summary>The room of this name; the same each time.</summary>
    /// <exception cref="ArgumentException">The name is empty or longer than 255 bytes of UTF-8.</exception>
    public FakeWsRoom Room(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!RoomRegistry.IsValidName(name))
        {
            throw new ArgumentException($"A room's name has 1 to {RoomRegistry.MaxNameBytes} bytes of UTF-8.", nameof(name));
        }

        return _rooms.GetOrAdd(name, key => new FakeWsRoom(this, key));
    }

    IWsRoom IWsHub.Room(string name) => Room(name);

    /// <summary>Finds a room that has members or messages.</summary>
    public bool TryGetRoom(string name, [NotNullWhen(true)] out IWsRoom? room)
    {
        room = _rooms.TryGetValue(name, out FakeWsRoom? found) && found.Exists ? found : null;
        return room is not null;
    }

    internal void Add(FakeWsConnection connection)
    {
        lock (_gate)
        {
            if (_connections.Exists(other => other.Id == connection.Id))
            {
                throw new ArgumentException($"The hub has a connection with the id \"{connection.Id}\".", nameof(connection));
            }

            _connections.Add(connection);
        }
    }

    internal void Remove(FakeWsConnection connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
        }
    }

    internal void RaiseJoined(WsRoomEvent raised) => Raise(Joined, raised);

    internal void RaiseLeft(WsRoomEvent raised) => Raise(Left, raised);

    private void Raise(Action<WsRoomEvent>? handlers, WsRoomEvent raised)
    {
        foreach (Action<WsRoomEvent> handler in Delegate.EnumerateInvocationList(handlers))
        {
            try
            {
                handler(raised);
            }
            catch (Exception)
            {
                // As in a real hub: what fails in one handler is counted, and nobody else's affair.
                Interlocked.Increment(ref _hookErrors);
            }
        }
    }

    private FakeWsConnection? Find(string id)
    {
        lock (_gate)
        {
            return _connections.Find(connection => connection.Id == id);
        }
    }

    private FakeWsConnection[] Of(string userId) => [.. Connections.Where(connection => connection.UserId == userId)];
}
