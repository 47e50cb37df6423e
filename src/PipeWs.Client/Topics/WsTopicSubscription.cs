using System.Runtime.CompilerServices;
using PipeWs.Client.Topics;

namespace PipeWs.Client;

/// <summary>
/// A topic's messages as a stream that outlives connections: after a reconnect it goes on where it was, without doubles, and says what is missing. Dispose it to unsubscribe; the last
/// subscription of a topic tells the server. Its members are safe from any thread; one reader reads at a time.
/// </summary>
public sealed class WsTopicSubscription : IAsyncDisposable, IAsyncEnumerable<WsTopicMessage>
{
    private readonly TopicSession _session;
    private readonly TaskCompletionSource _established = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _readLock = new();
    private int _left;
    private volatile bool _hasPaused;
    private volatile bool _ended;
    private TopicMember? _reading;
    private string? _readingEpoch;
    private long _readingNumber;

    internal WsTopicSubscription(TopicSession session, string topic, int topics, WsSubscribeOptions options, WsTopicHandler? handler)
    {
        _session = session;
        Topic = topic;
        Options = options;
        Handler = handler;
        _left = topics;
        Buffer = new TopicBuffer(options.BufferMessages, options.BufferBytes, options.Overflow == WsTopicOverflow.Conflate && handler is null);
    }

    /// <summary>The topic, or topics, as it was subscribed.</summary>
    public string Topic { get; }

    /// <summary>How many messages wait for the reader.</summary>
    public int BufferCount => Buffer.Count;

    /// <summary>How many messages were dropped because the buffer was full, or gave way to a later one.</summary>
    public long DroppedCount => Buffer.Dropped;

    /// <summary>Where the reader or handler is: the last message it was done with. Null before the first, where the topic has no epoch, and for several topics.</summary>
    public WsTopicPosition? Position => Members.Length == 1 ? PositionOf(Members[0]) : null;

    internal WsSubscribeOptions Options { get; }

    internal WsTopicHandler? Handler { get; }

    internal TopicBuffer Buffer { get; }

    internal TopicMember[] Members { get; set; } = [];

    internal Task Established => _established.Task;

    internal bool IsEstablished => _established.Task.IsCompletedSuccessfully;

    internal bool IsEnded => _ended;

    /// <summary>Whether it was said that the buffer is full; the session's.</summary>
    internal bool IsFullReported { get; set; }

    /// <summary>The position in one of several topics; see <see cref="Position"/>.</summary>
    public WsTopicPosition? GetPosition(string topic) => Array.Find(Members, member => member.Topic.Name == topic) is { } member ? PositionOf(member) : null;

    /// <summary>Takes the next message where one is there; with it the reader is done with the one before. Dispose it.</summary>
    /// <exception cref="InvalidOperationException">The subscription has a handler.</exception>
    public bool TryRead(out WsTopicMessage message)
    {
        ThrowIfHandled();
        EndReading();
        while (Buffer.TryTake(out TopicFrame? frame))
        {
            if (_hasPaused && Buffer.IsHalfFree)
            {
                _session.Resume(this);
            }

            if (IsFullReported && Buffer.IsHalfFree)
            {
                IsFullReported = false;
            }

            if (frame is { IsOverflow: true, Gap: { } lost })
            {
                _session.PublishGap(lost);
            }

            _reading = frame.Member;
            _readingEpoch = frame.Epoch;
            _readingNumber = frame.LastNumber;
            if (frame.Gap is null || Options.GapsInStream)
            {
                message = new WsTopicMessage(frame);
                return true;
            }

            frame.Release(frame.Version);
            EndReading();
        }

        message = default;
        return false;
    }

    /// <summary>Waits until a message is there; false where the subscription was disposed, or the client stopped and all was read.</summary>
    /// <exception cref="WsTopicException">The subscription has ended: refused by the server when it was to be joined again, or its buffer was full. What had come before was read.</exception>
    /// <exception cref="WsClientFailedException">The client has given up; what had come before was read.</exception>
    /// <exception cref="InvalidOperationException">Another reader waits, or the subscription has a handler.</exception>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfHandled();
        EndReading();
        return Buffer.WaitToReadAsync(cancellationToken);
    }

    /// <summary>Reads the messages until the subscription is disposed or the client stopped. Dispose each message.</summary>
    /// <inheritdoc cref="WaitToReadAsync" path="/exception"/>
    public async IAsyncEnumerable<WsTopicMessage> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await WaitToReadAsync(cancellationToken))
        {
            while (TryRead(out WsTopicMessage message))
            {
                yield return message;
            }
        }
    }

    /// <inheritdoc cref="ReadAllAsync"/>
    public IAsyncEnumerator<WsTopicMessage> GetAsyncEnumerator(CancellationToken cancellationToken = default) => ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>
    /// Acknowledges all messages of its one topic up to a number. Where several subscriptions of the client acknowledge a topic the server is told of the lowest. While there is no
    /// connection it is kept and sent after the topic was joined again.
    /// </summary>
    /// <param name="sequenceNumber">The last message that is done with.</param>
    /// <returns>Completes when it was handed to the connection; the server does not answer.</returns>
    /// <exception cref="InvalidOperationException">It has several topics, or <see cref="WsSubscribeOptions.Acknowledgement"/> is <see cref="WsTopicAcknowledgement.None"/>.</exception>
    public ValueTask AcknowledgeAsync(long sequenceNumber) =>
        Members.Length == 1 ? AcknowledgeAsync(Members[0], null, sequenceNumber) : throw new InvalidOperationException("The subscription has several topics: acknowledge a message.");

    /// <summary>Acknowledges all messages of a message's topic up to it.</summary>
    /// <inheritdoc cref="AcknowledgeAsync(long)" path="/returns"/>
    /// <exception cref="ArgumentException">It is no message with a sequence number of this subscription.</exception>
    /// <exception cref="InvalidOperationException"><see cref="WsSubscribeOptions.Acknowledgement"/> is <see cref="WsTopicAcknowledgement.None"/>.</exception>
    public ValueTask AcknowledgeAsync(WsTopicMessage message) =>
        message.SequenceNumber is { } number && Array.Find(Members, member => member.Topic.Name == message.Topic) is { } member
            ? AcknowledgeAsync(member, message.Epoch, number)
            : throw new ArgumentException("It is no message of this subscription with a sequence number.", nameof(message));

    /// <summary>Ends the subscription: what waits for the reader is dropped, the reader's stream ends. The server is told where no other subscription has the topic; this is not waited for.</summary>
    public ValueTask DisposeAsync()
    {
        _ended = true;
        _session.Remove(this);
        _established.TrySetException(new ObjectDisposedException(nameof(WsTopicSubscription)));
        _ = _established.Task.Exception;
        Buffer.Complete(null, clears: true);
        return default;
    }

    internal void OnEstablished()
    {
        if (Interlocked.Decrement(ref _left) == 0)
        {
            _established.TrySetResult();
        }
    }

    /// <summary>No more comes. The reader sees <paramref name="error"/> behind what is there; whoever waits for the first join sees <paramref name="notEstablished"/>.</summary>
    internal void End(Exception? error, Exception? notEstablished)
    {
        _ended = true;
        if (notEstablished is not null && _established.TrySetException(notEstablished))
        {
            _ = _established.Task.Exception;
        }

        Buffer.Complete(error);
    }

    internal void SetPaused()
    {
        _hasPaused = true;

        // Before the reader's progress is looked at.
        Interlocked.MemoryBarrier();
    }

    internal void ClearPaused() => _hasPaused = false;

    internal void SetRead(TopicMember member, string epoch, long number)
    {
        lock (_readLock)
        {
            member.Read = number;
            member.ReadEpoch = epoch;
        }
    }

    private WsTopicPosition? PositionOf(TopicMember member)
    {
        lock (_readLock)
        {
            return member.ReadEpoch is { } epoch ? new WsTopicPosition(epoch, member.Read) : null;
        }
    }

    /// <summary>The reader asks for more: it is done with what it has.</summary>
    private void EndReading()
    {
        if (_reading is { } member)
        {
            _reading = null;
            _session.OnRead(member, _readingEpoch, _readingNumber);
        }
    }

    private ValueTask AcknowledgeAsync(TopicMember member, string? epoch, long number) =>
        Options.Acknowledgement == WsTopicAcknowledgement.None
            ? throw new InvalidOperationException("The subscription does not acknowledge; see WsSubscribeOptions.Acknowledgement.")
            : _session.AcknowledgeAsync(member, epoch, number);

    private void ThrowIfHandled()
    {
        if (Handler is not null)
        {
            throw new InvalidOperationException("The subscription's messages go to its handler.");
        }
    }
}
