using System.Buffers;
using System.Net;
using System.Net.Security;
using Microsoft.Extensions.Logging;

namespace PipeWs.Client;

/// <summary>Builds a client step by step; each step sets what the option of its name does. Not safe from several threads.</summary>
/// <remarks>
/// <code>
/// await using WsClient client = new WsClientBuilder("wss://example.com/ws")
///     .WithBearerToken(secret)
///     .WithExponentialBackoff()
///     .WithOfflineQueue(100)
///     .Build();
/// </code>
/// </remarks>
public sealed class WsClientBuilder
{
    private readonly WsClientOptions _options = new();
    private readonly List<(WsClientEventKinds Kinds, Func<WsClientEvent, ValueTask> Callback)> _callbacks = [];
    private ILoggerFactory? _loggerFactory;

    /// <summary>Begins with the endpoints, tried in turn; none where a token provider names them.</summary>
    /// <exception cref="UriFormatException">One is no address.</exception>
    public WsClientBuilder(params string[] endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        foreach (string endpoint in endpoints)
        {
            _options.Endpoints.Add(new Uri(endpoint));
        }
    }

    /// <summary>Names the client. See <see cref="WsClientOptions.Name"/>.</summary>
    public WsClientBuilder WithName(string name) => Set(options => options.Name = name);

    /// <summary>Adds a header. See <see cref="WsClientOptions.Headers"/>.</summary>
    public WsClientBuilder WithHeader(string name, string value) => Set(options => options.Headers[name] = value);

    /// <summary>Adds the header <c>Authorization: Bearer ...</c>. RFC 6750, section 2.1.</summary>
    public WsClientBuilder WithBearerToken(string token) => WithHeader("Authorization", "Bearer " + token);

    /// <summary>Adds to the query. See <see cref="WsClientOptions.Query"/>.</summary>
    public WsClientBuilder WithQuery(string name, string value) => Set(options => options.Query[name] = value);

    /// <summary>Offers subprotocols. See <see cref="WsClientOptions.Subprotocols"/>.</summary>
    public WsClientBuilder WithSubprotocols(params string[] subprotocols) => Set(options => Array.ForEach(subprotocols, options.Subprotocols.Add));

    /// <summary>Asks an HTTP proxy for a tunnel. See <see cref="WsClientOptions.Proxy"/>.</summary>
    public WsClientBuilder WithProxy(IWebProxy proxy) => Set(options => options.Proxy = proxy);

    /// <summary>Says how TLS is spoken. See <see cref="WsClientOptions.Tls"/>.</summary>
    public WsClientBuilder WithTls(SslClientAuthenticationOptions tls) => Set(options => options.Tls = tls);

    /// <summary>Gets tokens at every dial. See <see cref="WsClientOptions.TokenProvider"/>.</summary>
    /// <param name="provider">The provider; disposed with the client.</param>
    /// <param name="placement">Where the token stands in the handshake.</param>
    public WsClientBuilder WithTokenProvider(IAsyncTokenProvider provider, WsTokenPlacement placement = WsTokenPlacement.AuthorizationHeader) => Set(options =>
    {
        options.TokenProvider = provider;
        options.TokenPlacement = placement;
    });

    /// <summary>Connects again at a fixed interval. See <see cref="WsReconnectPolicy.FixedInterval"/>.</summary>
    public WsClientBuilder WithFixedInterval(TimeSpan? interval = null, int maxAttempts = -1, bool immediateFirst = false) =>
        WithReconnectPolicy(WsReconnectPolicy.FixedInterval(interval, maxAttempts, immediateFirst));

    /// <summary>Connects again with growing, random delays. See <see cref="WsReconnectPolicy.ExponentialBackoff"/>.</summary>
    public WsClientBuilder WithExponentialBackoff(TimeSpan? initial = null, TimeSpan? max = null, double multiplier = 2, int maxAttempts = -1, bool immediateFirst = false) =>
        WithReconnectPolicy(WsReconnectPolicy.ExponentialBackoff(initial, max, multiplier, maxAttempts, immediateFirst));

    /// <summary>Connects again as a policy says. See <see cref="WsClientOptions.ReconnectPolicy"/>.</summary>
    public WsClientBuilder WithReconnectPolicy(WsReconnectPolicy policy) => Set(options => options.ReconnectPolicy = policy);

    /// <summary>Tries the first dial again like any other. See <see cref="WsClientOptions.RetryFirstDial"/>.</summary>
    public WsClientBuilder WithRetryOfFirstDial() => Set(static options => options.RetryFirstDial = true);

    /// <summary>Compresses messages where the server can too. See <see cref="WsClientOptions.Compression"/>.</summary>
    public WsClientBuilder WithCompression(Action<WsCompressionOptions>? configure = null) => Set(options =>
    {
        options.Compression ??= new WsCompressionOptions();
        configure?.Invoke(options.Compression);
    });

    /// <summary>Pings at an interval. See <see cref="WsClientOptions.PingInterval"/> and <see cref="WsClientOptions.PongTimeout"/>.</summary>
    public WsClientBuilder WithPing(TimeSpan interval, TimeSpan timeout) => Set(options =>
    {
        options.PingInterval = interval;
        options.PongTimeout = timeout;
    });

    /// <summary>Sets the bounds of the read buffer. See <see cref="WsClientOptions.ReadMessageBuffer"/>, <see cref="WsClientOptions.ReadBufferBytes"/>.</summary>
    public WsClientBuilder WithReadBuffer(int messages, WsBufferFullMode whenFull, long bytes = 16 * 1024 * 1024) => Set(options =>
    {
        options.ReadMessageBuffer = messages;
        options.ReadBufferBytes = bytes;
        options.ReadFullMode = whenFull;
    });

    /// <summary>Sets the bounds of the write buffer. See <see cref="WsClientOptions.WriteMessageBuffer"/>.</summary>
    public WsClientBuilder WithWriteBuffer(int messages, WsBufferFullMode whenFull) => Set(options =>
    {
        options.WriteMessageBuffer = messages;
        options.WriteFullMode = whenFull;
    });

    /// <summary>Keeps messages for the next connection while there is none. See <see cref="WsClientOptions.OfflineQueueCount"/>.</summary>
    /// <param name="messages">How many.</param>
    /// <param name="age">How long each; null for 60 s.</param>
    public WsClientBuilder WithOfflineQueue(int messages, TimeSpan? age = null) => Set(options =>
    {
        options.OfflineQueueCount = messages;
        options.OfflineQueueAge = age ?? options.OfflineQueueAge;
    });

    /// <summary>Gives every message to a handler. See <see cref="WsClientOptions.MessageHandler"/>.</summary>
    public WsClientBuilder OnMessage(IMessageHandler handler) => Set(options => options.MessageHandler = handler);

    /// <summary>Gives every message to a function, which may use the borrowed bytes until its task completes.</summary>
    public WsClientBuilder OnMessage(Func<WsMessageType, ReadOnlySequence<byte>, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return OnMessage(new MessageFunction(handler));
    }

    /// <summary>Adds what is done before a connection counts as connected. See <see cref="WsClientOptions.ReadyHandlers"/>.</summary>
    public WsClientBuilder OnReady(IConnectionReadyHandler handler) => Set(options => options.ReadyHandlers.Add(handler));

    /// <summary>Adds what is done before a connection counts as connected.</summary>
    public WsClientBuilder OnReady(Func<WsClientConnection, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return OnReady(new ReadyFunction(handler));
    }

    /// <summary>Calls back for events, from the very first on. See <see cref="WsClient.OnEvent(WsClientEventKinds, Action{WsClientEvent})"/>.</summary>
    public WsClientBuilder OnEvent(WsClientEventKinds kinds, Action<WsClientEvent> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        _callbacks.Add((kinds, clientEvent =>
        {
            callback(clientEvent);
            return default;
        }));
        return this;
    }

    /// <summary>Logs. See <see cref="WsClient(WsClientOptions, ILoggerFactory?)"/>.</summary>
    public WsClientBuilder WithLogging(ILoggerFactory loggerFactory)
    {
        _loggerFactory = loggerFactory;
        return this;
    }

    /// <summary>Sets any option.</summary>
    public WsClientBuilder Configure(Action<WsClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Set(configure);
    }

    /// <summary>Makes the client; it is not started. The builder may be used again.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option is not what it may be.</exception>
    public WsClient Build()
    {
        var client = new WsClient(_options, _loggerFactory);
        foreach ((WsClientEventKinds kinds, Func<WsClientEvent, ValueTask> callback) in _callbacks)
        {
            client.OnEvent(kinds, callback);
        }

        return client;
    }

    /// <summary>Makes the client and starts it.</summary>
    /// <inheritdoc cref="WsClient.StartAsync"/>
    public async Task<WsClient> StartAsync(CancellationToken cancellationToken = default)
    {
        WsClient client = Build();
        try
        {
            await client.StartAsync(cancellationToken);
            return client;
        }
        catch (Exception)
        {
            await client.DisposeAsync();
            throw;
        }
    }

    private WsClientBuilder Set(Action<WsClientOptions> set)
    {
        set(_options);
        return this;
    }

    private sealed class MessageFunction(Func<WsMessageType, ReadOnlySequence<byte>, CancellationToken, ValueTask> handler) : IMessageHandler
    {
        public ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken) => handler(type, payload, cancellationToken);
    }

    private sealed class ReadyFunction(Func<WsClientConnection, CancellationToken, ValueTask> handler) : IConnectionReadyHandler
    {
        public ValueTask OnConnectionReadyAsync(WsClientConnection connection, CancellationToken cancellationToken) => handler(connection, cancellationToken);
    }
}
