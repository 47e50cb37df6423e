namespace PipeWs.Server;

/// <summary>
/// One hub's options. Read from the configuration section <c>PipeWs</c> (<c>PipeWs:Hubs:name</c> for a named hub), then set by code, then
/// <c>WEBSOCKET_MAX_CONNECTIONS</c>; validated when the application starts.
/// </summary>
public sealed class PipeWsOptions
{
    /// <summary>The configuration section of the default hub.</summary>
    public const string SectionName = "PipeWs";

    /// <summary>
    /// The largest message received, in bytes, all its fragments together. Default 1,048,576. Beyond it: close code 1009.
    /// </summary>
    public long MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>The most empty fragments in one message. Default 1,024. Beyond it: close code 1008.</summary>
    public int MaxEmptyFragments { get; set; } = 1024;

    /// <summary>How often a ping is sent to a connection that is silent. Default 30 s; <see cref="Timeout.InfiniteTimeSpan"/> for never. RFC 6455, section 5.5.2.</summary>
    public TimeSpan PingInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after a ping something must have been received. Default 10 s. Beyond it the connection is aborted: 1006 to the application.</summary>
    public TimeSpan PongTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the whole handshake may take on the fast and the handler door, from the first look to the blank line. Default 10 s. Beyond it: 408 and the connection closes. As long, on every
    /// door, have connection filters to call what comes next, and hooks of <c>OnConnect</c> to answer. Beyond it: close code 1011.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the peer has to answer a close frame. Default 5 s. Beyond it the transport is dropped. RFC 6455, section 7.1.1.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long connections and their handlers have when the application stops; then what is left is aborted. Default 30 s, and at most nine tenths of
    /// HostOptions.ShutdownTimeout, which is 30 s too unless set: whatever the host stops after the hub has some time left.
    /// </summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a frame may go without progress once it began. Default 30 s. Beyond it: close code 1008 and abort.</summary>
    public TimeSpan FrameTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long bytes may stay unsent because the peer does not read. Default 5 s. Beyond it: close code 3008 and abort.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The backlog of messages to one connection, in bytes, beside what it reads from rooms and what awaited sends of more than 16 KiB lend. Default 1,048,576. Beyond it: close code 3008 and abort.</summary>
    public long MaxPendingBytes { get; set; } = 1024 * 1024;

    /// <summary>The most connections of the hub at once. Default 10,000. Beyond it a handshake is refused with 503. The variable <c>WEBSOCKET_MAX_CONNECTIONS</c> overrides it.</summary>
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>The most connections of the hub at once from one address. Default 0: no limit. Beyond it a handshake is refused with 503.</summary>
    public int MaxConnectionsPerAddress { get; set; }

    /// <summary>
    /// How many bits of an IPv6 address count as one address, for <see cref="MaxConnectionsPerAddress"/> and for <see cref="WsRateLimitPartition.Address"/>. Default 64: a network that one
    /// customer has whole. 1 to 128.
    /// </summary>
    public int AddressPrefixLengthIPv6 { get; set; } = Limits.AddressKey.DefaultPrefixLengthIPv6;

    /// <summary>
    /// The most connections of the hub at once of one user. Default 0: no limit. Counted when a connection is authenticated. Beyond it a handshake is refused with 503,
    /// and a connection that authenticates by its first message is closed with 3013.
    /// </summary>
    public int MaxConnectionsPerUser { get; set; }

    /// <summary>The most rooms of the hub at once; joins that would create one more give <see cref="WsJoinStatus.HubFull"/>. Default 100,000. What the application publishes with history is not held up by it.</summary>
    public int MaxRooms { get; set; } = 100_000;

    /// <summary>The most pieces of metadata of one connection. Default 1,024. Beyond it <see cref="IWsConnection.SetMetadata"/> throws <see cref="WsLimitException"/>.</summary>
    public int MaxMetadataPerConnection { get; set; } = 1024;

    /// <summary>
    /// How long a peer may send no message. Default infinite. Beyond it: close code 1000, after which clients do not come back by themselves. Pings and pongs are no
    /// messages; the JSON ping is one, and so is one that is still arriving, while its bytes come.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>How many messages a second one connection may send on average: pings, pongs and malformed messages too. Default 0: no limit. Beyond it <see cref="InboundRatePolicy"/> acts.</summary>
    public double InboundMessagesPerSecond { get; set; }

    /// <summary>How many messages may come at once after a pause. Default 0: as many as in a second.</summary>
    public int InboundMessageBurst { get; set; }

    /// <summary>How many bytes of payload a second one connection may send on average. Default 0: no limit. Beyond it <see cref="InboundRatePolicy"/> acts.</summary>
    public double InboundBytesPerSecond { get; set; }

    /// <summary>How many bytes of payload may come at once after a pause; at least <see cref="MaxMessageBytes"/>. Default 0: as many as in a second, or the largest message where that is more.</summary>
    public int InboundByteBurst { get; set; }

    /// <summary>What happens to messages beyond the inbound rates. Default <see cref="WsRateLimitPolicy.ReplyError"/>: an error 429.</summary>
    public WsRateLimitPolicy InboundRatePolicy { get; set; }

    /// <summary>
    /// How many bytes of rooms' history one connection may have repeated a second on average, by joining with <c>since</c> again and again. Default 4,194,304; 0 for no
    /// limit. Beyond it a join gives <see cref="WsJoinStatus.TooMuchReplay"/>; joins at the head are free.
    /// </summary>
    public long ReplayBytesPerSecond { get; set; } = 4 * 1024 * 1024;

    /// <summary>How many bytes of rooms' history a connection may have repeated at once, as after a reconnect, before <see cref="ReplayBytesPerSecond"/> counts; the last room may go beyond it. Default 67,108,864.</summary>
    public long ReplayBurstBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>The most rooms one connection may be a member of. Default 128. Beyond it a join gives <see cref="WsJoinStatus.TooManyRooms"/>.</summary>
    public int MaxRoomsPerConnection { get; set; } = 128;

    /// <summary>
    /// The web pages that may connect, such as <c>https://example.com</c>: scheme, host and port must be equal. Default none but the server's own pages, which it knows by
    /// the address and port of its own end of the connection. Other pages get 403. What sends no Origin is not a page. RFC 6455, section 10.2.
    /// </summary>
    public ISet<string> AllowedOrigins { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>How connections say who they are, where the hub asks.</summary>
    public WsAuthenticationOptions Authentication { get; } = new();

    /// <summary>Whether pages of any origin may connect. Default false. See <see cref="AllowAnyOrigin"/>.</summary>
    public bool AllowsAnyOrigin { get; set; }

    /// <summary>The subprotocols spoken, the dearest first: the first of them that a client offers is chosen. Default none. RFC 6455, section 1.9.</summary>
    public IList<string> Subprotocols { get; } = [];

    /// <summary>
    /// Names of the member that a JSON message is routed by, compared case-sensitively. Default none, which means <c>action</c> and <c>type</c>. A message with two of them is an error 400. What the hub
    /// itself sends says <c>type</c>, whatever stands here. Takes effect at the next start.
    /// </summary>
    public IList<string> DiscriminatorNames { get; } = [];

    /// <summary>
    /// Names of the member with a JSON message's body, compared case-sensitively. Default none, which means <c>data</c> and <c>payload</c>. A reply's body has its request's name, and the first where the request had none.
    /// Takes effect at the next start.
    /// </summary>
    public IList<string> BodyNames { get; } = [];

    /// <summary>The paths at which <see cref="PipeWsConnectionHandler"/> serves this hub; empty for all that no other hub claims. Default empty. Other paths get 404.</summary>
    public IList<string> HandlerPaths { get; } = [];

    /// <summary>Whether the JSON welcome is the first message to every connection. Default true. A hub with a raw handler for text never sends it.</summary>
    public bool SendWelcome { get; set; } = true;

    /// <summary>
    /// Whether the messages of a connection whose activity is recorded have activities of their own. Default true. Off, a trace holds the connections alone: for hubs with
    /// many messages and a sampler that takes every connection.
    /// </summary>
    public bool TraceMessages { get; set; } = true;

    /// <summary>The options of rooms that no <c>ConfigureRooms</c> names.</summary>
    public WsRoomOptions Rooms { get; } = new();

    /// <summary>From how many waiting bytes on a send to one connection waits before it takes its place. Default 65,536.</summary>
    public int SendBacklogBytes { get; set; } = 64 * 1024;

    /// <summary>
    /// Whether the fast and the handler door send straight to the socket, past the transport's pipe, where the connection is a plain one of Kestrel's sockets transport: no TLS, no
    /// connection middleware that puts a pipe of its own before it. Default true. Set it to false where a middleware before the door writes to connections itself, and leaves them to PipeWs afterwards.
    /// </summary>
    public bool SendDirectly { get; set; } = true;

    /// <summary>
    /// Where messages are handled on Kestrel's own sockets. Default <see cref="WsLatencyMode.Balanced"/>. On <c>UsePipeWsTransport</c> they are handled on the event loop in either mode.
    /// </summary>
    public WsLatencyMode LatencyMode { get; set; }

    /// <summary>
    /// Lets pages of any origin connect. Only where nothing that a browser sends by itself, such as a cookie, authenticates anybody. Logged as a warning when the
    /// application starts, and an error beside <see cref="AllowedOrigins"/>.
    /// </summary>
    public void AllowAnyOrigin() => AllowsAnyOrigin = true;

    /// <summary>
    /// How messages are compressed where the client can too (permessage-deflate, RFC 7692), on every door. Default null: they are not. Setting it, or any key of the section
    /// <c>Compression</c>, turns it on; its key <c>Enabled</c> turns it off when it is false, whatever code says.
    /// </summary>
    public WsCompressionOptions? Compression { get; set; }

    internal WsConnectionOptions ToConnectionOptions(CompressionCounters counters) => new()
    {
        MaxMessageBytes = MaxMessageBytes,
        MaxEmptyFragments = MaxEmptyFragments,
        PingInterval = PingInterval,
        PongTimeout = PongTimeout,
        CloseTimeout = CloseTimeout,
        FrameTimeout = FrameTimeout,
        SendTimeout = SendTimeout,
        SendBacklogBytes = SendBacklogBytes,
        MaxSendBacklogBytes = MaxPendingBytes,
        Compression = Compression,
        CompressionCounters = counters,
    };
}
