using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Claims;
using System.Text;
using PipeWs.Server;

namespace PipeWs.Demo.Tests.Fakes;

/// <summary>A connection in memory.</summary>
internal sealed class FakeConnection(FakeHub hub, string id, string query) : FakeSender, IWsConnection
{
    private readonly ConcurrentDictionary<string, object> _metadata = new();
    private readonly ConcurrentDictionary<string, bool> _rooms = new();
    private readonly CancellationTokenSource _closed = new();

    public TaskCompletionSource? Blocked { get; set; }

    public WsJoinStatus JoinStatus { get; set; } = WsJoinStatus.Joined;

    public string Id => id;

    public ClaimsPrincipal User { get; } = new();

    public string? UserId { get; set; }

    public string Path => "/ws";

    public string Query => query;

    public string? Subprotocol => null;

    public EndPoint? RemoteEndPoint => null;

    public DateTimeOffset ConnectedAt => default;

    public CancellationToken ConnectionClosed => _closed.Token;

    public Task<WsCloseInfo> Closed => Task.FromException<WsCloseInfo>(new NotSupportedException());

    public IReadOnlyList<string> Rooms => [.. _rooms.Keys];

    public bool IsSubscribed(string room) => _rooms.ContainsKey(room);

    public object? GetMetadata(string key) => _metadata.GetValueOrDefault(key);

    public void SetMetadata(string key, object value) => _metadata[key] = value;

    public bool RemoveMetadata(string key) => _metadata.TryRemove(key, out _);

    public ValueTask<WsJoinResult> JoinAsync(string room, WsSince since = default, CancellationToken cancellationToken = default)
    {
        if (JoinStatus == WsJoinStatus.Joined)
        {
            _rooms[room] = true;
            hub.RoomOf(room).MembersById[Id] = this;
        }

        return new(new WsJoinResult(JoinStatus, "epoch", hub.RoomOf(room).Head, null, null));
    }

    public ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default)
    {
        hub.RoomOf(room).MembersById.TryRemove(Id, out _);
        return new(_rooms.TryRemove(room, out _));
    }

    public override async ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default)
    {
        await base.SendAsync(payload, type, cancellationToken);
        if (Blocked is { } blocked)
        {
            await blocked.Task;
        }
    }

    public void BeginClose(ushort code = 1000, string reason = "") => throw new NotSupportedException();

    public WsMessageWriter BeginMessage(WsMessageType type) => throw new NotSupportedException();

    public ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<WsCloseInfo> CloseAsync(ushort code = 1000, string reason = "", CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public void Abort(Exception? reason = null) => Close();

    public void Close()
    {
        hub.Open.TryRemove(Id, out _);
        _closed.Cancel();
    }
}

/// <summary>A received message in memory, which remembers its answers.</summary>
internal sealed class FakeContext(FakeHub hub, FakeConnection connection) : WsMessageContext
{
    public List<(string Type, string Data)> Replies { get; } = [];

    public List<(int Code, string Message)> Errors { get; } = [];

    public override IWsHub Hub => hub;

    public override IWsConnection Connection => connection;

    public override IServiceProvider Services => throw new NotSupportedException();

    public override WsMessageType Type => WsMessageType.Text;

    public override ReadOnlySequence<byte> Payload => default;

    public override bool IsFirstPart => true;

    public override bool IsLastPart => true;

    public override string Action => "";

    public override string? RequestId => "1";

    public override ReadOnlyMemory<byte> Body => default;

    public override string? Topic => null;

    public override ValueTask ReplyAsync(string type, ReadOnlyMemory<byte> data = default)
    {
        Replies.Add((type, Encoding.UTF8.GetString(data.Span)));
        return default;
    }

    public override ValueTask ReplyErrorAsync(int code, string message)
    {
        Errors.Add((code, message));
        return default;
    }
}
