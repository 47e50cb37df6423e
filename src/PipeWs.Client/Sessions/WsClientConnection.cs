using System.Buffers;
using System.Text.Json.Serialization.Metadata;
using PipeWs.Client.Receiving;
using PipeWs.Client.Sessions;
using PipeWs.Messages;

namespace PipeWs.Client;

/// <summary>One connection of a client, from its handshake to its end. Safe from any thread.</summary>
public sealed class WsClientConnection
{
    private readonly WsClient _client;
    private readonly ReadyGate _gate;
    private readonly Receiver _receiver;

    internal WsClientConnection(WsClient client, WsConnection connection, int number, Uri uri, string? subprotocol, string? remoteEndPoint, WsToken? token)
    {
        _client = client;
        Connection = connection;
        Number = number;
        Uri = uri;
        Endpoint = Dialing.DialTarget.Describe(uri);
        Subprotocol = subprotocol;
        RemoteEndPoint = remoteEndPoint;
        Token = token;
        _gate = new ReadyGate(connection.ConnectionClosed);
        _receiver = new Receiver(this);
    }

    /// <summary>Which connection of its client it is, from 1.</summary>
    public int Number { get; }

    /// <summary>Where it leads: scheme, host, port and path, without the query.</summary>
    public string Endpoint { get; }

    /// <summary>The address and port of the other end; null where the transport does not say.</summary>
    public string? RemoteEndPoint { get; }

    /// <summary>The subprotocol the server chose; null where it chose none.</summary>
    public string? Subprotocol { get; }

    /// <summary>Whether the handshake agreed on compression.</summary>
    public bool IsCompressed => Connection.IsCompressed;

    /// <summary>The token it was opened with; null where there is no token provider.</summary>
    public WsToken? Token { get; }

    /// <summary>The last measured round trip of a ping; zero before the first.</summary>
    public TimeSpan RoundTripTime => Connection.RoundTripTime;

    /// <summary>Fires when the connection begins to end, whoever began it.</summary>
    public CancellationToken Closed => Connection.ConnectionClosed;

    internal WsConnection Connection { get; }

    /// <summary>Where it leads. Queries hold secrets: not for logs.</summary>
    internal Uri Uri { get; }

    /// <summary>Completes when the receive loop has ended. Set by <see cref="Run"/>, before anybody else sees the connection.</summary>
    internal Task<WsCloseInfo> Ended { get; private set; } = null!;

    /// <summary>Whether the client had a connection that was ready before this one. Set when this one is.</summary>
    internal bool IsReconnect { get; set; }

    /// <summary>When it was ready, as the options' clock counts. Set when it is.</summary>
    internal long ConnectedAt { get; set; }

    /// <summary>When the token is to be replaced, as the heartbeat counts.</summary>
    internal long RefreshAt { get; set; } = long.MaxValue;

    /// <summary>Why this side ends it on purpose, to connect anew; null where it does not.</summary>
    internal string? PlannedEnd { get; set; }

    internal bool PlannedForToken { get; set; }

    /// <summary>Whether the application asked for it, who decides alone how often that happens.</summary>
    internal bool PlannedAtOnce { get; set; }

    /// <summary>Sends a message on this connection, past the client's write buffer. Waits while too much is unsent.</summary>
    /// <exception cref="WsClosedException">The connection is closing or closed.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type = WsMessageType.Text, CancellationToken cancellationToken = default) =>
        Connection.SendAsync(type, payload, cancellationToken);

    /// <summary>Sends a message on this connection of which something more is to be said.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default) =>
        Connection.SendAsync(type, payload, options, cancellationToken);

    /// <summary>Sends text on this connection.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendTextAsync(string text, CancellationToken cancellationToken = default) => SendTextAsync(text, default, cancellationToken);

    /// <summary>Sends text on this connection of which something more is to be said.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public async ValueTask SendTextAsync(string text, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        MessageBuffer buffer = MessageBuffer.Rent();
        try
        {
            buffer.WriteText(text);
            await Connection.SendAsync(WsMessageType.Text, buffer.Written, options, cancellationToken);
        }
        finally
        {
            buffer.Return();
        }
    }

    /// <summary>Sends a value as JSON text on this connection.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendJsonAsync<T>(T value, JsonTypeInfo<T> type, CancellationToken cancellationToken = default) => SendJsonAsync(value, type, default, cancellationToken);

    /// <summary>Sends a value as JSON text on this connection of which something more is to be said.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public async ValueTask SendJsonAsync<T>(T value, JsonTypeInfo<T> type, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(type);
        MessageBuffer buffer = MessageBuffer.Rent();
        try
        {
            buffer.WriteJson(value, type);
            await Connection.SendAsync(WsMessageType.Text, buffer.Written, options, cancellationToken);
        }
        finally
        {
            buffer.Return();
        }
    }

    /// <summary>Receives the next message; for a ready handler, until it returns. Dispose the message.</summary>
    /// <exception cref="InvalidOperationException">The connection is ready: its messages go to the client's handler or reader.</exception>
    /// <exception cref="WsClosedException">The connection ended.</exception>
    public ValueTask<WsClientMessage> ReceiveAsync(CancellationToken cancellationToken = default) => _gate.ReceiveAsync(cancellationToken);

    /// <summary>Sends past the write buffer without ever waiting; false where the connection is closing.</summary>
    internal bool TrySend(WsMessageType type, ReadOnlySpan<byte> payload, WsSendOptions options = default) => Connection.TrySend(type, payload, options);

    internal void Run() => Ended = Connection.RunAsync(_receiver);

    internal void OpenGate() => _gate.Open();

    private sealed class Receiver(WsClientConnection owner) : WsReceiver
    {
        public override ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload) =>
            owner._gate.IsOpen ? owner._client.DeliverAsync(owner, type, payload) : HoldAsync(type, payload);

        public override void OnRoundTrip(TimeSpan roundTrip) => owner._client.OnPong(roundTrip);

        private async ValueTask HoldAsync(WsMessageType type, ReadOnlySequence<byte> payload)
        {
            if (owner._client.Layer is { } layer && await layer.OnMessageAsync(owner, type, payload))
            {
                return;
            }

            if (await owner._gate.HoldAsync(type, payload))
            {
                await owner._client.DeliverPastLayerAsync(owner, type, payload);
            }
        }
    }
}
