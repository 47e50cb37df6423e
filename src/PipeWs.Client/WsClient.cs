using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Client.Diagnostics;
using PipeWs.Client.Dialing;
using PipeWs.Client.Events;
using PipeWs.Client.Receiving;
using PipeWs.Client.Sending;
using PipeWs.Client.Sessions;

namespace PipeWs.Client;

/// <summary>
/// A WebSocket client for a program that runs for months: one connection, opened again whenever it ends. Every member is safe from any thread, and may be called from the
/// client's own callbacks.
/// </summary>
/// <remarks>
/// <code>
/// await using var client = new WsClient(new Uri("wss://example.com/ws"));
/// await client.StartAsync();
/// await client.SendTextAsync("hello");
/// await foreach (WsClientMessage message in client.ReadAllAsync())
/// {
///     using (message) { Console.WriteLine(message.GetText()); }
/// }
/// </code>
/// </remarks>
public sealed partial class WsClient : IAsyncDisposable
{
    private static readonly Lazy<WsHeartbeat> s_heartbeat = new(static () => new WsHeartbeat(TimeProvider.System));

    private readonly WsClientOptions _options;
    private readonly WsDialer _dialer;
    private readonly WsHeartbeat _heartbeat;
    private readonly EventHub _events;
    private readonly WriteQueue _writes;
    private readonly ReadBuffer _reads;
    private readonly ILogger _logger;
    private readonly ClientMetrics _metrics;
    private readonly Lock _lock = new();

    /// <summary>Creates a client for one endpoint; nothing is dialled before <see cref="StartAsync"/>.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">It is no <c>ws:</c> or <c>wss:</c> address.</exception>
    public WsClient(Uri endpoint)
        : this(new WsClientOptions { Endpoints = { endpoint } })
    {
    }

    /// <summary>Creates a client; nothing is dialled before <see cref="StartAsync"/>.</summary>
    /// <param name="options">The options; copied.</param>
    /// <param name="loggerFactory">Where it logs, under <c>PipeWs.Client</c>; null for nowhere.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option is not what it may be.</exception>
    public WsClient(WsClientOptions options, ILoggerFactory? loggerFactory = null)
        : this(options, loggerFactory, layer: null)
    {
    }

    internal WsClient(WsClientOptions options, ILoggerFactory? loggerFactory, IClientLayer? layer)
    {
        ArgumentNullException.ThrowIfNull(options);
        WsClientOptionsValidator.ThrowIfInvalid(options);
        _options = options.Clone();
        Layer = layer;
        _logger = (loggerFactory ?? NullLoggerFactory.Instance).CreateLogger("PipeWs.Client");
        _heartbeat = _options.TimeProvider == TimeProvider.System ? s_heartbeat.Value : new WsHeartbeat(_options.TimeProvider);
        _heartbeatItem = new HeartbeatItem(this);
        _dialer = new WsDialer(_options);
        _metrics = new ClientMetrics(_options.Name);
        _events = new EventHub(_options.TimeProvider, _options.EventBuffer, ReportCallbackError);
        _writes = new WriteQueue(_options, _heartbeat, OnWriteBufferFull, KeepTime);
        _reads = new ReadBuffer(_options.ReadMessageBuffer, _options.ReadBufferBytes);
    }

    /// <summary>The client's name.</summary>
    public string Name => _options.Name;

    /// <summary>Where the client is in its life.</summary>
    public WsClientState State => (WsClientState)Volatile.Read(ref _state);

    /// <summary>Whether there is a connection that is ready and has not begun to end.</summary>
    public bool IsConnected => Volatile.Read(ref _current) is { Connection.IsClosing: false };

    /// <summary>The connection that is ready; null where there is none.</summary>
    public WsClientConnection? Connection => Volatile.Read(ref _current);

    /// <summary>How many received messages wait for the reader.</summary>
    public int ReadBufferCount => _reads.Count;

    /// <summary>How many messages wait to be sent.</summary>
    public int WriteBufferCount => _writes.Count;

    internal IClientLayer? Layer { get; }

    internal WsClientOptions Options => _options;

    internal WsHeartbeat Heartbeat => _heartbeat;

    internal ILogger Logger => _logger;

    internal EventHub Events => _events;

    /// <summary>Sends a message. It completes when it was handed to the connection, which may be at once.</summary>
    /// <param name="payload">Must stay as it is until the returned task completes. Text must be valid UTF-8.</param>
    /// <param name="type">Text or binary.</param>
    /// <param name="cancellationToken">Takes it back, as long as it was not handed to the connection.</param>
    /// <exception cref="WsSendException">It was not sent, for the reason in <see cref="WsSendException.Failure"/>.</exception>
    /// <exception cref="OperationCanceledException">It was taken back.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type = WsMessageType.Text, CancellationToken cancellationToken = default) =>
        _writes.SendAsync(type, payload, default, cancellationToken);

    /// <summary>Sends a message of which something more is to be said.</summary>
    /// <param name="payload">Must stay as it is until the returned task completes. Text must be valid UTF-8.</param>
    /// <param name="type">Text or binary.</param>
    /// <param name="options">What is to be said.</param>
    /// <param name="cancellationToken">Takes it back, as long as it was not handed to the connection.</param>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default) =>
        _writes.SendAsync(type, payload, options, cancellationToken);

    /// <summary>Sends text.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendTextAsync(string text, CancellationToken cancellationToken = default) => SendTextAsync(text, default, cancellationToken);

    /// <summary>Sends text of which something more is to be said.</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">What is to be said.</param>
    /// <param name="cancellationToken">Takes it back, as long as it was not handed to the connection.</param>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendTextAsync(string text, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        Messages.MessageBuffer buffer = Messages.MessageBuffer.Rent();
        buffer.WriteText(text);
        return _writes.SendAsync(WsMessageType.Text, buffer, options, cancellationToken);
    }

    /// <summary>Sends a value as JSON text.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendJsonAsync<T>(T value, JsonTypeInfo<T> type, CancellationToken cancellationToken = default) => SendJsonAsync(value, type, default, cancellationToken);

    /// <summary>Sends a value as JSON text of which something more is to be said.</summary>
    /// <param name="value">The value.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    /// <param name="options">What is to be said.</param>
    /// <param name="cancellationToken">Takes it back, as long as it was not handed to the connection.</param>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/>
    public ValueTask SendJsonAsync<T>(T value, JsonTypeInfo<T> type, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(type);
        Messages.MessageBuffer buffer = Messages.MessageBuffer.Rent();
        try
        {
            buffer.WriteJson(value, type);
        }
        catch (Exception)
        {
            buffer.Return();
            throw;
        }

        return _writes.SendAsync(WsMessageType.Text, buffer, options, cancellationToken);
    }

    /// <summary>Sends a copy of a message without waiting, for those who do not want to know its outcome.</summary>
    /// <returns>Whether it was handed to the connection or has its place in the write buffer; false where it was not sent.</returns>
    public bool TrySend(ReadOnlySpan<byte> payload, WsMessageType type = WsMessageType.Text) => _writes.TrySend(type, payload, default);

    /// <summary>Sends a copy of a message without waiting, of which something more is to be said.</summary>
    /// <param name="payload">Text must be valid UTF-8.</param>
    /// <param name="type">Text or binary.</param>
    /// <param name="options">What is to be said.</param>
    /// <inheritdoc cref="TrySend(ReadOnlySpan{byte}, WsMessageType)"/>
    public bool TrySend(ReadOnlySpan<byte> payload, WsMessageType type, WsSendOptions options) => _writes.TrySend(type, payload, options);
}
