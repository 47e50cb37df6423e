using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Extensions.Logging;
using PipeWs.Client.Sessions;
using PipeWs.Messages;

namespace PipeWs.Client.Topics;

/// <summary>
/// The topic dialect over a client's connections. One lock guards all it knows; nothing is sent and no application's code runs under it.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose wait handle nobody asks for holds nothing; the token provider is disposed by the client.")]
internal sealed partial class TopicSession : IClientLayer
{
    private static readonly EnvelopeNames s_names = new(["type"], ["data"]);

    private readonly Lock _lock = new();
    private readonly WsTopicClientOptions _options;
    private readonly byte[] _idPrefix;
    private readonly Dictionary<long, PendingAnswer> _pending = [];
    private readonly Dictionary<byte[], TopicState> _topics = new(Utf8Comparer.Instance);
    private readonly Dictionary<byte[], TopicState>.AlternateLookup<ReadOnlySpan<byte>> _topicLookup;
    private readonly SemaphoreSlim _joins;
    private readonly BackgroundTasks _tasks;
    private readonly TopicBuffer _unclaimed;
    private long _lastNumber;
    private TopicLink? _link;
    private bool _ended;
    private Exception? _endError;
    private bool _unclaimedFull;

    public TopicSession(WsTopicClientOptions options, ILoggerFactory? loggerFactory)
    {
        _options = options;
        _idPrefix = Encoding.ASCII.GetBytes(options.IdPrefix);
        _topicLookup = _topics.GetAlternateLookup<ReadOnlySpan<byte>>();
        _joins = new SemaphoreSlim(options.RejoinParallelism);
        _tasks = new BackgroundTasks(OnTaskFailed);
        _unclaimed = new TopicBuffer(options.ReadMessageBuffer, options.ReadBufferBytes);
        if (options.RefreshTokenInPlace && options.Connection.TokenProvider is { } provider)
        {
            // A refresh and a dial may coincide; the provider is promised one call at a time.
            options.Connection.TokenProvider = _tokens = new SerialTokenProvider(provider);
        }

        // What a ready handler did not take comes past this layer.
        options.Connection.MessageHandler = new LeftoverHandler(this);
        Client = new WsClient(options.Connection, loggerFactory, this);
    }

    public WsClient Client { get; }

    public TopicBuffer Unclaimed => _unclaimed;

    /// <summary>The id of the connection, as the server's welcome gave it.</summary>
    public string? ConnectionId
    {
        get
        {
            lock (_lock)
            {
                return _link is { IsReady: true } link ? link.Id : null;
            }
        }
    }

    /// <summary>How many requests wait for their answers.</summary>
    public int PendingCount
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count;
            }
        }
    }

    /// <summary>How many topics it has joined or is to join.</summary>
    public int TopicCount
    {
        get
        {
            lock (_lock)
            {
                return _topics.Count;
            }
        }
    }

    private WsHeartbeat Heartbeat => Client.Heartbeat;

    private ILogger Logger => Client.Logger;

    public Task WhenIdleAsync() => _tasks.WhenIdleAsync();

    public async ValueTask OnConnectedAsync(WsClientConnection connection, CancellationToken cancellationToken)
    {
        TopicLink link = GetLink(connection);
        if (_options.RequireWelcome)
        {
            try
            {
                await link.Welcome.Task.WaitAsync(_options.WelcomeTimeout, Heartbeat.TimeProvider, cancellationToken);
            }
            catch (TimeoutException e)
            {
                throw new TimeoutException($"The server did not say welcome within {_options.WelcomeTimeout.TotalSeconds:0.###} s.", e);
            }
        }

        if (_options.LogIn is { } logIn)
        {
            await logIn(new WsTopicConnection(this, link), cancellationToken);
        }
    }

    public void OnReady(WsClientConnection connection)
    {
        var batches = new List<TopicState[]>();
        TopicLink link;
        lock (_lock)
        {
            link = GetLinkUnsynchronized(connection);
            link.IsReady = true;
            if (PingIntervalOf(link) is { } interval)
            {
                link.NextPingAt = Heartbeat.Now + (long)interval.TotalMilliseconds;
            }

            TopicState[] topics = [.. _topics.Values.Where(static topic => topic.IsWanted)];
            if (connection.IsReconnect)
            {
                link.RoundLeft = topics.Length;
                foreach (TopicState topic in topics)
                {
                    topic.Round = link;
                }

                EndRoundUnsynchronized(link);
            }

            TakeBatchesUnsynchronized(topics, batches);
            foreach (TopicState topic in _topics.Values)
            {
                KickUnsynchronized(topic);
            }

            SendAgainUnsynchronized();
        }

        RunBatches(link, batches);
    }

    public void OnDisconnected(WsClientConnection connection, WsDisconnect disconnect)
    {
        lock (_lock)
        {
            TopicLink link = GetLinkUnsynchronized(connection);
            bool wasReady = link.IsReady;
            link.IsEnded = true;
            link.IsReady = false;
            link.Welcome.TrySetException(new WsClosedException("The connection ended before the server said welcome."));
            _ = link.Welcome.Task.Exception;
            if (_link == link)
            {
                _link = null;
            }

            foreach (TopicState topic in _topics.Values)
            {
                topic.IsLost |= topic.IsJoined;
                topic.Failures = 0;
                topic.WaitsAfter = null;
                topic.JoinedAt = long.MaxValue;
                topic.Wait?.TrySetResult();
                topic.Unjoin();
                ForgetSentAcksUnsynchronized(topic);
            }

            FailPendingUnsynchronized(link, wasReady);
        }
    }

    public void OnEnded(Exception? error)
    {
        TopicState[] topics;
        lock (_lock)
        {
            _ended = true;
            _endError = error;
            foreach (PendingAnswer pending in _pending.Values)
            {
                pending.OnFailed(StoppedError());
            }

            _pending.Clear();
            topics = [.. _topics.Values];
            foreach (TopicState topic in topics)
            {
                topic.Wait?.TrySetResult();
            }

            _topics.Clear();
        }

        foreach (TopicMember member in topics.SelectMany(static topic => topic.Members))
        {
            member.Subscription.End(error, StoppedError());
        }

        _unclaimed.Complete(error);
    }

    /// <summary>What the server's error message says.</summary>
    public static WsTopicException ErrorOf(ReadOnlySpan<byte> message, in Envelope envelope)
    {
        ReadOnlySpan<byte> data = envelope.Body.IsEmpty ? default : envelope.Body.Of(message);
        string text = data.IsEmpty ? "The server answered with an error." : data[0] == (byte)'"' ? JsonText.Decode(data) : Encoding.UTF8.GetString(data);
        return new WsTopicException(WsTopicFailure.Refused, text, envelope.Code);
    }

    /// <summary>A topic by the name that a message gives it, as a JSON string. Under the lock.</summary>
    public TopicState? FindTopic(ReadOnlySpan<byte> message, JsonRange range)
    {
        ReadOnlySpan<byte> name = range.ContentOf(message);
        if (_topicLookup.TryGetValue(name, out TopicState? topic))
        {
            return topic;
        }

        return name.Contains((byte)'\\') && _topics.TryGetValue(Encoding.UTF8.GetBytes(JsonText.Decode(range.Of(message))), out topic) ? topic : null;
    }

    private TopicLink GetLink(WsClientConnection connection)
    {
        lock (_lock)
        {
            return GetLinkUnsynchronized(connection);
        }
    }

    /// <summary>Messages come as soon as a connection is open, maybe before the session is told of it.</summary>
    private TopicLink GetLinkUnsynchronized(WsClientConnection connection)
    {
        if (_link?.Connection != connection)
        {
            var link = new TopicLink(connection);
            if (_link is not null && _link.Connection.Number > connection.Number)
            {
                return link;
            }

            _link = link;
        }

        return _link;
    }

    private WsTopicException StoppedError() => new(
        WsTopicFailure.Stopped, _endError is null ? "The client was stopped." : "The client has given up connecting.", innerException: _endError);

    private sealed class LeftoverHandler(TopicSession session) : IMessageHandler
    {
        public ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken)
        {
            ReadOnlySpan<byte> message = payload.ToArray();
            Envelope envelope = default;
            if (type != WsMessageType.Text || EnvelopeReader.Read(message, s_names, out envelope).IsError)
            {
                envelope = default;
            }

            session.AddUnclaimed(message, envelope);
            return default;
        }
    }

    private void OnTaskFailed(Exception error)
    {
        TopicLog.TaskFailed(Logger, Client.Name, error);
        PublishError(error.Message, error);
    }

    private void PublishError(string message, Exception? error)
    {
        if (Client.Events.Wants(WsClientEventKinds.ErrorReceived))
        {
            Client.Events.Publish(new WsErrorReceivedEvent(message, error));
        }
    }
}
