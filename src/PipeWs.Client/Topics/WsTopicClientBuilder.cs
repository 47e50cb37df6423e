using Microsoft.Extensions.Logging;

namespace PipeWs.Client;

/// <summary>Builds a topic client step by step. Not safe from several threads.</summary>
/// <remarks>
/// <code>
/// await using WsTopicClient client = new WsTopicClientBuilder("wss://example.com/ws")
///     .WithConnection(connection => connection.ReconnectPolicy = WsReconnectPolicy.FixedInterval())
///     .WithAckTimeout(TimeSpan.FromSeconds(5))
///     .Build();
/// </code>
/// </remarks>
public sealed class WsTopicClientBuilder
{
    private readonly WsTopicClientOptions _options = new();
    private readonly List<(WsClientEventKinds Kinds, Action<WsClientEvent> Callback)> _callbacks = [];
    private ILoggerFactory? _loggerFactory;

    /// <summary>Begins with the endpoints, tried in turn; none where a token provider names them.</summary>
    /// <exception cref="UriFormatException">One is no address.</exception>
    public WsTopicClientBuilder(params string[] endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        foreach (string endpoint in endpoints)
        {
            _options.Connection.Endpoints.Add(new Uri(endpoint));
        }
    }

    /// <summary>Names the client. See <see cref="WsClientOptions.Name"/>.</summary>
    public WsTopicClientBuilder WithName(string name) => Set(options => options.Connection.Name = name);

    /// <summary>Sets options of the connection.</summary>
    public WsTopicClientBuilder WithConnection(Action<WsClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Set(options => configure(options.Connection));
    }

    /// <summary>Sets options of the topics.</summary>
    public WsTopicClientBuilder With(Action<WsTopicClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Set(configure);
    }

    /// <summary>Gets tokens at every dial. See <see cref="WsClientOptions.TokenProvider"/>.</summary>
    /// <param name="provider">The provider; disposed with the client.</param>
    /// <param name="placement">Where the token stands in the handshake.</param>
    public WsTopicClientBuilder WithTokenProvider(IAsyncTokenProvider provider, WsTokenPlacement placement = WsTokenPlacement.AuthorizationHeader) => Set(options =>
    {
        options.Connection.TokenProvider = provider;
        options.Connection.TokenPlacement = placement;
    });

    /// <summary>Does not wait for a welcome. See <see cref="WsTopicClientOptions.RequireWelcome"/>.</summary>
    public WsTopicClientBuilder WithoutWelcome() => Set(options => options.RequireWelcome = false);

    /// <summary>See <see cref="WsTopicClientOptions.AckTimeout"/>.</summary>
    public WsTopicClientBuilder WithAckTimeout(TimeSpan timeout) => Set(options => options.AckTimeout = timeout);

    /// <summary>See <see cref="WsTopicClientOptions.SendAgain"/>.</summary>
    public WsTopicClientBuilder WithSendAgain() => Set(options => options.SendAgain = true);

    /// <summary>See <see cref="WsTopicClientOptions.LogIn"/>.</summary>
    public WsTopicClientBuilder WithLogIn(Func<WsTopicConnection, CancellationToken, ValueTask> logIn) => Set(options => options.LogIn = logIn);

    /// <summary>Calls back for events from the beginning. See <see cref="WsTopicClient.OnEvent(WsClientEventKinds, Action{WsClientEvent})"/>.</summary>
    public WsTopicClientBuilder OnEvent(WsClientEventKinds kinds, Action<WsClientEvent> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        _callbacks.Add((kinds, callback));
        return this;
    }

    /// <summary>Where the client logs.</summary>
    public WsTopicClientBuilder WithLogging(ILoggerFactory loggerFactory)
    {
        _loggerFactory = loggerFactory;
        return this;
    }

    /// <summary>Creates the client; nothing is dialled yet. May be called again for another.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option is not what it may be.</exception>
    public WsTopicClient Build()
    {
        var client = new WsTopicClient(_options, _loggerFactory);
        foreach ((WsClientEventKinds kinds, Action<WsClientEvent> callback) in _callbacks)
        {
            client.OnEvent(kinds, callback);
        }

        return client;
    }

    private WsTopicClientBuilder Set(Action<WsTopicClientOptions> set)
    {
        set(_options);
        return this;
    }
}
