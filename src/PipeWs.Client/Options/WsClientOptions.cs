using System.Net;
using System.Net.Security;

namespace PipeWs.Client;

/// <summary>One client's options. Validated when the client is made, which takes a copy: later changes do nothing.</summary>
public sealed class WsClientOptions
{
    /// <summary>The client's name, for logs and metrics. Default empty.</summary>
    public string Name { get; set; } = "";

    /// <summary>Where to connect: <c>ws:</c> or <c>wss:</c>, tried in turn at every dial. A token's own endpoint goes before them. At least one, or a token provider.</summary>
    public IList<Uri> Endpoints { get; private set; } = [];

    /// <summary>Added to the endpoint's query, escaped. Default empty.</summary>
    public IDictionary<string, string> Query { get; private set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Further headers of the handshake, such as <c>Authorization</c>. Default empty. Never sent anywhere but to the endpoint: redirects are not followed.</summary>
    public IDictionary<string, string> Headers { get; private set; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>The subprotocols offered, the dearest first. Default none. RFC 6455, section 1.9.</summary>
    public IList<string> Subprotocols { get; private set; } = [];

    /// <summary>The Origin header. Default null: none, as only a browser must send one.</summary>
    public string? Origin { get; set; }

    /// <summary>An HTTP proxy that is asked for a tunnel by CONNECT, with its credentials, such as a <see cref="WebProxy"/>. Default null: none, not even the system's.</summary>
    public IWebProxy? Proxy { get; set; }

    /// <summary>How TLS is spoken with a <c>wss:</c> endpoint. Default null: the system's certificates and protocols, and the endpoint's host.</summary>
    public SslClientAuthenticationOptions? Tls { get; set; }

    /// <summary>Gives the transports. Default null: TCP.</summary>
    public IWsTransportFactory? TransportFactory { get; set; }

    /// <summary>How long one dial may take: name, address, proxy, TLS and handshake together. Default 10 s.</summary>
    public TimeSpan DialTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the ready handlers may take together. Default 10 s.</summary>
    public TimeSpan ReadyTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>What is done before a new connection counts as connected, in order. Default nothing.</summary>
    public IList<IConnectionReadyHandler> ReadyHandlers { get; private set; } = [];

    /// <summary>Gives tokens for every dial; disposed with the client. Default null: none.</summary>
    public IAsyncTokenProvider? TokenProvider { get; set; }

    /// <summary>How long the token provider may take. Default 10 s.</summary>
    public TimeSpan TokenTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Where a token stands in the handshake. Default <see cref="WsTokenPlacement.AuthorizationHeader"/>.</summary>
    public WsTokenPlacement TokenPlacement { get; set; }

    /// <summary>The name of the query's parameter that holds the token, where it stands there. Default <c>token</c>.</summary>
    public string TokenParameter { get; set; } = "token";

    /// <summary>How long before a token expires the client connects anew with a fresh one. Default 30 s; at most half of the token's life is used.</summary>
    public TimeSpan TokenRefreshMargin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>When to try again, and when to give up. Default exponential backoff with full jitter, 1 s to 30 s, for ever.</summary>
    public WsReconnectPolicy ReconnectPolicy { get; set; } = WsReconnectPolicy.ExponentialBackoff();

    /// <summary>Whether the first dial is tried again like any other. Default false: <see cref="WsClient.StartAsync"/> throws where it fails.</summary>
    public bool RetryFirstDial { get; set; }

    /// <summary>Decides whether to connect again after an end; null from it, or none set, for <see cref="WsDisconnect.IsTransient"/>. Must not block.</summary>
    public Func<WsDisconnect, bool?>? ShouldReconnect { get; set; }

    /// <summary>
    /// How long a connection must have lasted for the count of attempts to start anew, and for it to be replaced without a wait where the server asks for that or its token is about to
    /// expire. Default 10 s.
    /// </summary>
    public TimeSpan StableAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The largest message received, in bytes, all its fragments together. Default 1,048,576. Beyond it the connection fails with 1009, and the client gives up.</summary>
    public long MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// How messages are compressed where the server can too (permessage-deflate, RFC 7692). Default null: they are not, and nothing is offered. A server that declines is spoken to
    /// uncompressed; one whose answer does not keep to the offer fails the handshake.
    /// </summary>
    public WsCompressionOptions? Compression { get; set; }

    /// <summary>How often a ping is sent. Default 18 s; <see cref="Timeout.InfiniteTimeSpan"/> for never. RFC 6455, section 5.5.2.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(18);

    /// <summary>How long after a ping something must have come. Default 10 s; beyond it the connection is dropped with 1006, and the client connects anew.</summary>
    public TimeSpan PongTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a frame may stand still half received. Default 30 s; beyond it the connection fails with 1008, and the client connects anew.</summary>
    public TimeSpan FrameTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a stop may take: sending what is pending, and the closing handshake. Default 5 s; beyond it the transport is dropped. RFC 6455, section 7.1.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Receives every message without a copy. Default null: messages go to the reader.</summary>
    public IMessageHandler? MessageHandler { get; set; }

    /// <summary>How many received messages wait for the reader. Default 1,024.</summary>
    public int ReadMessageBuffer { get; set; } = 1024;

    /// <summary>How many bytes of received messages wait for the reader; one message always may. Default 16,777,216.</summary>
    public long ReadBufferBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>What happens to a received message where they do. Default <see cref="WsBufferFullMode.Wait"/>.</summary>
    public WsBufferFullMode ReadFullMode { get; set; }

    /// <summary>How many messages wait to be sent. Default 256.</summary>
    public int WriteMessageBuffer { get; set; } = 256;

    /// <summary>From how many bytes on that the transport has not taken a message waits in the write buffer. Default 65,536.</summary>
    public int WriteBacklogBytes { get; set; } = 64 * 1024;

    /// <summary>What happens to a message to be sent where the write buffer is full. Default <see cref="WsBufferFullMode.Wait"/>.</summary>
    public WsBufferFullMode WriteFullMode { get; set; }

    /// <summary>
    /// How long a message waits for its turn. Default 30 s; to half a second. Also how long the server may take nothing at all before the connection is given up with 3008.
    /// </summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many messages wait for the next connection while there is none. Default 0: they fail at once.</summary>
    public int OfflineQueueCount { get; set; }

    /// <summary>How long a message waits for the next connection. Default 60 s.</summary>
    public TimeSpan OfflineQueueAge { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How many events wait for one subscriber; beyond it its oldest is dropped, and the next says how many were. Default 1,024.</summary>
    public int EventBuffer { get; set; } = 1024;

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    internal WsClientOptions Clone()
    {
        var clone = (WsClientOptions)MemberwiseClone();
        clone.Endpoints = [.. Endpoints];
        clone.Query = new Dictionary<string, string>(Query, StringComparer.Ordinal);
        clone.Headers = new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase);
        clone.Subprotocols = [.. Subprotocols];
        clone.Compression = Compression?.Clone();
        clone.ReadyHandlers = [.. ReadyHandlers];
        return clone;
    }

    internal WsConnectionOptions ToConnectionOptions(WsToken? token) => new()
    {
        MaxMessageBytes = MaxMessageBytes,
        PingInterval = token?.PingInterval ?? PingInterval,
        PongTimeout = token?.PingTimeout ?? PongTimeout,
        FrameTimeout = FrameTimeout,
        CloseTimeout = CloseTimeout,
        Compression = Compression,
        SendTimeout = WriteTimeout,
        SendBacklogBytes = WriteBacklogBytes,

        // The write buffer keeps the backlog small; what goes past it, such as an answer to a ping, must not end the connection.
        MaxSendBacklogBytes = long.MaxValue,
    };
}
