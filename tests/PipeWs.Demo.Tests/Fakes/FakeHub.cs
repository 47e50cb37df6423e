using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using PipeWs.Server;

namespace PipeWs.Demo.Tests.Fakes;

/// <summary>A hub in memory that remembers what was sent and published.</summary>
internal sealed class FakeHub : IWsHub
{
    private readonly ConcurrentDictionary<string, FakeRoom> _rooms = new();

    public ConcurrentDictionary<string, FakeConnection> Open { get; } = new();

    public FakeSender Everybody { get; } = new();

    public string Name => "";

    public int ConnectionCount => Open.Count;

    public IEnumerable<IWsConnection> Connections => Open.Values;

    public IEnumerable<IWsRoom> Rooms => _rooms.Values;

    public IWsSender All => Everybody;

    public event Action<WsRoomEvent>? Joined;

    public event Action<WsRoomEvent>? Left;

    public FakeConnection Connect(string id, string query = "")
    {
        var connection = new FakeConnection(this, id, query);
        Open[id] = connection;
        return connection;
    }

    public bool TryGetConnection(string id, [NotNullWhen(true)] out IWsConnection? connection)
    {
        bool found = Open.TryGetValue(id, out var fake);
        connection = fake;
        return found;
    }

    public IWsSender Connection(string id) => Open.TryGetValue(id, out var connection) ? connection : new FakeSender();

    public IWsSender User(string userId) => new FakeSender();

    public IReadOnlyList<IWsConnection> UserConnections(string userId) => [];

    public WsHubStatistics GetStatistics(int maxRooms = 100, string? room = null) => new() { RoomCount = _rooms.Count };

    public IWsRoom Room(string name) => RoomOf(name);

    public FakeRoom RoomOf(string name) => _rooms.GetOrAdd(name, key => new FakeRoom(key));

    public bool TryGetRoom(string name, [NotNullWhen(true)] out IWsRoom? room)
    {
        bool found = _rooms.TryGetValue(name, out var fake);
        room = fake;
        return found;
    }

    public Task DrainAsync(WsDrainOptions? options = null, CancellationToken cancellationToken = default) => Task.CompletedTask;

    public void RaiseJoined(string room, IWsConnection connection) => Joined?.Invoke(new WsRoomEvent(room, connection, RoomOf(room).MemberCount));

    public void RaiseLeft(string room, IWsConnection connection) => Left?.Invoke(new WsRoomEvent(room, connection, RoomOf(room).MemberCount));
}

/// <summary>Remembers the text that was sent to it.</summary>
internal class FakeSender : IWsSender
{
    private readonly ConcurrentQueue<string> _sent = new();

    /// <summary>What happens meanwhile.</summary>
    public Action? OnSend { get; set; }

    public IReadOnlyList<string> Sent => [.. _sent];

    public virtual ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default)
    {
        _sent.Enqueue(Encoding.UTF8.GetString(payload.Span));
        OnSend?.Invoke();
        return default;
    }

    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, CancellationToken cancellationToken = default) =>
        SendAsync(payload.ToArray(), type, cancellationToken);

    public ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default) =>
        SendAsync(message.Payload, message.Type, cancellationToken);
}

/// <summary>A room that remembers what was published.</summary>
internal sealed class FakeRoom(string name) : FakeSender, IWsRoom
{
    private readonly ConcurrentQueue<(string Data, WsPublishOptions Options)> _published = new();

    public ConcurrentDictionary<string, IWsConnection> MembersById { get; } = new();

    public IReadOnlyList<(string Data, WsPublishOptions Options)> Published => [.. _published];

    public string Name => name;

    public string Epoch => "epoch";

    public long Head => _published.Count;

    public int MemberCount => MembersById.Count;

    public IReadOnlyList<IWsConnection> Members => [.. MembersById.Values];

    public long Publish(ReadOnlyMemory<byte> data, WsPublishOptions options = default)
    {
        _published.Enqueue((Encoding.UTF8.GetString(data.Span), options));
        return _published.Count;
    }

    public long PublishRaw(ReadOnlyMemory<byte> payload, WsMessageType type, WsPublishOptions options = default) => Publish(payload, options);

    public IWsSender Except(params IReadOnlyList<string> connectionIds) => throw new NotSupportedException();
}
