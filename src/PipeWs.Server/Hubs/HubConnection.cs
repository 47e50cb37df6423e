using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Claims;
using PipeWs.Server.Limits;
using PipeWs.Server.Rooms;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hubs;

/// <summary>A connection as the hub sees it: who it is, what it is a member of, and the receiver of its messages.</summary>
internal sealed partial class HubConnection : WsReceiver, IWsConnection
{
    private readonly Hub _hub;
    private readonly long _connectedAtTicks;
    private RequestContext? _context;
    private ConcurrentDictionary<string, object>? _metadata;

    internal HubConnection(Hub hub, string id, AcceptedConnection accepted, int shardIndex)
    {
        _hub = hub;
        Id = id;
        _user = accepted.User;
        _userId = accepted.UserId;
        Path = accepted.Path;
        Query = accepted.Query;
        Subprotocol = accepted.Subprotocol;
        RemoteEndPoint = accepted.RemoteEndPoint;
        _connectedAtTicks = hub.Time.GetUtcNow().UtcTicks;
        ShardIndex = shardIndex;
        Control = accepted.Control;
        Ws = new WsConnection(accepted.Transport, WsRole.Server, hub.ConnectionOptions, hub.Heartbeat, accepted.Control, accepted.Compression, accepted.Loop);
        _guard = hub.InboundLimits is { } limits ? new InboundGuard(limits, this, hub.Heartbeat) : null;
    }

    public string Id { get; }

    public string Path { get; }

    public string Query { get; }

    public string? Subprotocol { get; }

    public EndPoint? RemoteEndPoint { get; }

    public DateTimeOffset ConnectedAt => new(_connectedAtTicks, TimeSpan.Zero);

    public bool IsCompressed => Ws.IsCompressed;

    public CancellationToken ConnectionClosed => Ws.ConnectionClosed;

    public Task<WsCloseInfo> Closed => Ws.Closed;

    internal WsConnection Ws { get; }

    /// <summary>What its messages are handled with, one after the other. Made with the first: many connections only listen.</summary>
    private RequestContext Context => _context ??= new RequestContext(_hub, this, _hub.Services) { SpeaksJson = _hub.SpeaksJson };

    /// <summary>The shard its memberships live on.</summary>
    internal int ShardIndex { get; }

    public object? GetMetadata(string key) => _metadata is not null && _metadata.TryGetValue(key, out object? value) ? value : null;

    public void SetMetadata(string key, object value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        ThrowIfOverLimit(key);
        ConcurrentDictionary<string, object> metadata = _metadata
            ?? Interlocked.CompareExchange(ref _metadata, new ConcurrentDictionary<string, object>(StringComparer.Ordinal), null)
            ?? _metadata;
        metadata[key] = value;
    }

    public bool RemoveMetadata(string key) => _metadata?.TryRemove(key, out _) == true;

    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default) =>
        Ws.SendAsync(type, payload, cancellationToken);

    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, CancellationToken cancellationToken = default) =>
        Ws.SendAsync(type, payload, cancellationToken);

    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default) =>
        Ws.SendAsync(type, payload, options, cancellationToken);

    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default) =>
        Ws.SendAsync(type, payload, options, cancellationToken);

    public ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default) =>
        Ws.SendAsync(message, cancellationToken);

    public ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default) => Ws.PingAsync(cancellationToken);

    public void Abort(Exception? reason = null) => Ws.Abort(reason);

    public override bool ReceivesParts(WsMessageType type) => Identity is not { IsPending: true } && _hub.Router.ReceivesParts(type);

    internal override bool MayReceiveParts => _hub.Router.MayReceiveParts;

    internal override void OnReadHandled() => _context?.ForgetMessage();

    public WsMessageWriter BeginMessage(WsMessageType type) => Ws.BeginMessage(type);

    public WsMessageWriter BeginMessage(WsMessageType type, WsSendOptions options) => Ws.BeginMessage(type, options);

    public override string ToString() => Id;
}
