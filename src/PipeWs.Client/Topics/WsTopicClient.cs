using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using PipeWs.Client.Topics;

namespace PipeWs.Client;

/// <summary>
/// A client of servers that speak in topics, such as this library's hub and exchanges: requests that complete at their acks, and subscriptions that outlive connections. Every member is
/// safe from any thread, and may be called from the client's own callbacks.
/// </summary>
/// <remarks>
/// <code>
/// await using var client = new WsTopicClient(new Uri("wss://example.com/ws"));
/// await client.StartAsync();
/// await using WsTopicSubscription ticker = await client.SubscribeAsync("/market/ticker:BTC-USDT");
/// await foreach (WsTopicMessage message in ticker)
/// {
///     using (message) { Console.WriteLine(message); }
/// }
/// </code>
/// </remarks>
public sealed class WsTopicClient : IAsyncDisposable
{
    private readonly TopicSession _session;

    /// <summary>Creates a client for one endpoint; nothing is dialled before <see cref="StartAsync"/>.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">It is no <c>ws:</c> or <c>wss:</c> address.</exception>
    public WsTopicClient(Uri endpoint)
        : this(new WsTopicClientOptions { Connection = { Endpoints = { endpoint } } })
    {
    }

    /// <summary>Creates a client; nothing is dialled before <see cref="StartAsync"/>.</summary>
    /// <param name="options">The options; copied.</param>
    /// <param name="loggerFactory">Where it logs, under <c>PipeWs.Client</c>; null for nowhere.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option is not what it may be.</exception>
    public WsTopicClient(WsTopicClientOptions options, ILoggerFactory? loggerFactory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        WsTopicClientOptionsValidator.ThrowIfInvalid(options);
        _session = new TopicSession(options.Clone(), loggerFactory);
    }

    /// <summary>The client's name.</summary>
    public string Name => Client.Name;

    /// <summary>Where the client is in its life.</summary>
    public WsClientState State => Client.State;

    /// <summary>Whether there is a connection that is ready and has not begun to end. Topics may still be on their way to be joined again.</summary>
    public bool IsConnected => Client.IsConnected;

    /// <summary>The connection that is ready; null where there is none.</summary>
    public WsClientConnection? Connection => Client.Connection;

    /// <summary>The id that the server's welcome gave the connection; null where there is none.</summary>
    public string? ConnectionId => _session.ConnectionId;

    /// <summary>How many requests wait for their answers, joins among them.</summary>
    public int PendingRequests => _session.PendingCount;

    /// <summary>How many topics are subscribed to.</summary>
    public int TopicCount => _session.TopicCount;

    internal WsClient Client => _session.Client;

    internal TopicSession Session => _session;

    /// <summary>Dials, and completes when the first connection is ready: welcomed and logged in.</summary>
    /// <inheritdoc cref="WsClient.StartAsync"/>
    public Task StartAsync(CancellationToken cancellationToken = default) => Client.StartAsync(cancellationToken);

    /// <inheritdoc cref="WsClient.Start"/>
    public void Start() => Client.Start();

    /// <inheritdoc cref="WsClient.WaitForConnectionAsync"/>
    public Task WaitForConnectionAsync(CancellationToken cancellationToken = default) => Client.WaitForConnectionAsync(cancellationToken);

    /// <inheritdoc cref="WsClient.Reconnect"/>
    public void Reconnect(string reason = "") => Client.Reconnect(reason);

    /// <summary>
    /// Sends a request and completes with the server's answer by its id: an ack, or whatever the server answers. Where no answer is wanted it completes at sending, with a message that is
    /// <see cref="WsTopicMessage.IsDefault"/>. Dispose the answer.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Gives up waiting; the server may do it all the same.</param>
    /// <exception cref="WsTopicException">The server refused it or did not answer in time, the connection ended before, or too many wait.</exception>
    /// <exception cref="WsSendException">It was not sent.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public Task<WsTopicMessage> WriteAsync(WsTopicRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentException.ThrowIfNullOrEmpty(request.Type, nameof(request));
        return _session.WriteAsync(request, null, cancellationToken);
    }

    /// <summary>
    /// Subscribes to a topic, or several of one path (<c>/market/ticker:BTC-USDT,ETH-USDT</c>), and completes when the server has joined all of them. Where the connection ends before
    /// that, or there is none, it waits for the next.
    /// </summary>
    /// <param name="topic">The topic. Subscriptions of the same topic share one with the server.</param>
    /// <param name="options">The options; copied. Null for the defaults.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="WsTopicException">The server refused it or did not answer in time, or the client ended.</exception>
    /// <exception cref="InvalidOperationException">The topic is subscribed to already, private where this is public or the other way round.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public Task<WsTopicSubscription> SubscribeAsync(string topic, WsSubscribeOptions? options = null, CancellationToken cancellationToken = default) =>
        SubscribeCoreAsync(topic, null, options, cancellationToken);

    /// <summary>Subscribes a handler that is given the messages where they lie, without a copy and without a buffer.</summary>
    /// <param name="topic">The topic, or several; see <see cref="SubscribeAsync(string, WsSubscribeOptions?, CancellationToken)"/>.</param>
    /// <param name="handler">Receives the messages.</param>
    /// <param name="options">The options; copied; those of the buffer mean nothing here. Null for the defaults.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <inheritdoc cref="SubscribeAsync(string, WsSubscribeOptions?, CancellationToken)" path="/exception"/>
    public Task<WsTopicSubscription> SubscribeAsync(string topic, WsTopicHandler handler, WsSubscribeOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return SubscribeCoreAsync(topic, handler, options, cancellationToken);
    }

    /// <summary>
    /// Reads the messages that are for no subscription, until the client is stopped: of topics that the server sends unasked, and of other dialects. Acks, errors and pongs are not among
    /// them. One reader at a time; where nobody reads the oldest are dropped. Dispose each message.
    /// </summary>
    /// <exception cref="WsClientFailedException">The client has given up; what had come before was read.</exception>
    public async IAsyncEnumerable<WsTopicMessage> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await _session.Unclaimed.WaitToReadAsync(cancellationToken))
        {
            while (_session.Unclaimed.TryTake(out TopicFrame? frame))
            {
                yield return new WsTopicMessage(frame);
            }
        }
    }

    /// <inheritdoc cref="WsClient.ReadEventsAsync"/>
    public IAsyncEnumerable<WsClientEvent> ReadEventsAsync(WsClientEventKinds kinds = WsClientEventKinds.AllButMessages, CancellationToken cancellationToken = default) =>
        Client.ReadEventsAsync(kinds, cancellationToken);

    /// <inheritdoc cref="WsClient.OnEvent(WsClientEventKinds, Action{WsClientEvent})"/>
    public IDisposable OnEvent(WsClientEventKinds kinds, Action<WsClientEvent> callback) => Client.OnEvent(kinds, callback);

    /// <inheritdoc cref="WsClient.OnEvent(WsClientEventKinds, Func{WsClientEvent, ValueTask})"/>
    public IDisposable OnEvent(WsClientEventKinds kinds, Func<WsClientEvent, ValueTask> callback) => Client.OnEvent(kinds, callback);

    /// <summary>
    /// Stops the client for good: sends what waits to be sent, closes the connection with 1000, ends subscriptions behind what they have in their buffers, and fails requests without an
    /// answer with <see cref="WsTopicFailure.Stopped"/>. Completes when all its tasks have ended. May be called at any time, any number of times.
    /// </summary>
    /// <inheritdoc cref="WsClient.StopAsync"/>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        _session.SendAcks();
        Task stopped = Client.StopAsync(cancellationToken);
        bool waits = !stopped.IsCompletedSuccessfully || State is WsClientState.Stopped or WsClientState.Failed;
        await stopped;
        if (waits)
        {
            await _session.WhenIdleAsync().WaitAsync(cancellationToken);
        }
    }

    /// <summary>Stops the client; see <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<WsTopicSubscription> SubscribeCoreAsync(string topic, WsTopicHandler? handler, WsSubscribeOptions? options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<string> names = TopicNames.Expand(topic);
        var subscription = new WsTopicSubscription(_session, topic, names.Count, (options ?? new WsSubscribeOptions()).Validated(), handler);
        _session.Add(subscription, names);
        try
        {
            await subscription.Established.WaitAsync(cancellationToken);
            return subscription;
        }
        catch (Exception)
        {
            await subscription.DisposeAsync();
            throw;
        }
    }
}
