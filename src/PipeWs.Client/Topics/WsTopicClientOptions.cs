namespace PipeWs.Client;

/// <summary>One topic client's options. Validated when the client is made, which takes a copy: later changes do nothing.</summary>
public sealed class WsTopicClientOptions
{
    /// <summary>The connection's options: endpoints, tokens, reconnecting, buffers for writing. <see cref="WsClientOptions.MessageHandler"/> stays null.</summary>
    public WsClientOptions Connection { get; private set; } = new();

    /// <summary>Whether the server says <c>welcome</c> before anything else is sent to it. Default true.</summary>
    public bool RequireWelcome { get; set; } = true;

    /// <summary>How long the welcome may take. Default 5 s; beyond it the attempt has failed.</summary>
    public TimeSpan WelcomeTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether pings of the dialect (<c>{"id":"2","type":"ping"}</c>) are sent, at the interval of the welcome, or else of the token, or else
    /// <see cref="WsClientOptions.PingInterval"/>; where no pong nor anything else comes within the timeout of the same source the client connects anew. Default true. RFC pings run beside.
    /// </summary>
    public bool SendPings { get; set; } = true;

    /// <summary>How long the answer to a request may take. Default 10 s, exact to half a second; beyond it the request fails with <see cref="WsTopicFailure.TimedOut"/>.</summary>
    public TimeSpan AckTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many requests wait for their answers. Default 10,000; beyond it a write fails with <see cref="WsTopicFailure.TooManyPending"/>.</summary>
    public int MaxPendingRequests { get; set; } = 10_000;

    /// <summary>
    /// Whether requests that were not answered when the connection ended are sent again on the next one, in their order, and wait for it at most
    /// <see cref="WsClientOptions.OfflineQueueAge"/>. The server may then see one twice. Default false: they fail with <see cref="WsTopicFailure.Disconnected"/>.
    /// </summary>
    public bool SendAgain { get; set; }

    /// <summary>Stands before the number in every id. Default empty: ids are numbers as strings. Letters, digits, '-' and '_', at most 64.</summary>
    public string IdPrefix { get; set; } = "";

    /// <summary>How many topics are joined at the same time. Default 8.</summary>
    public int RejoinParallelism { get; set; } = 8;

    /// <summary>When a topic that could not be joined again is tried again; null from it ends the topic's streams with the error. Default exponential backoff, 1 s to 30 s, for ever.</summary>
    public WsReconnectPolicy RejoinPolicy { get; set; } = WsReconnectPolicy.ExponentialBackoff();

    /// <summary>How many topics of one path stand in one request, as <c>/path:A,B</c>, where the server keeps no log of them. Default 100; 1 for each by itself.</summary>
    public int MaxTopicsPerRequest { get; set; } = 100;

    /// <summary>How many messages that are for no subscription wait for the reader. Default 1,024; beyond it the oldest are dropped.</summary>
    public int ReadMessageBuffer { get; set; } = 1024;

    /// <summary>How many bytes they may have. Default 16,777,216.</summary>
    public long ReadBufferBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>Whether a token that is about to expire is replaced on the open connection, by <c>{"type":"auth","data":{"token":"..."}}</c>. Default false: the client connects anew.</summary>
    public bool RefreshTokenInPlace { get; set; }

    /// <summary>
    /// Runs on each new connection after the welcome and before any topic is joined, such as a log-in by <see cref="WsTopicConnection.WriteAsync"/>. An exception is a failed attempt.
    /// Default null.
    /// </summary>
    public Func<WsTopicConnection, CancellationToken, ValueTask>? LogIn { get; set; }

    internal WsTopicClientOptions Clone()
    {
        var clone = (WsTopicClientOptions)MemberwiseClone();
        clone.Connection = Connection.Clone();
        return clone;
    }
}
