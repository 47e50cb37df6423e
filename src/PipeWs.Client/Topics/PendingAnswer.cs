using PipeWs.Messages;

namespace PipeWs.Client.Topics;

/// <summary>A request that waits for its answer. Under the session's lock.</summary>
internal abstract class PendingAnswer
{
    /// <summary>The number in its id.</summary>
    public long Number { get; set; }

    /// <summary>The connection it was sent on; null where it goes by the client's write buffer.</summary>
    public TopicLink? Link { get; set; }

    /// <summary>When it has waited long enough, in the heartbeat's milliseconds.</summary>
    public long Deadline { get; set; } = long.MaxValue;

    /// <summary>An answer came.</summary>
    /// <returns>Whether no further one is waited for.</returns>
    public abstract bool OnAnswer(ReadOnlySpan<byte> message, in Envelope envelope, bool isError);

    public abstract void OnFailed(Exception error);
}

/// <summary>A request of the application's.</summary>
internal sealed class PendingWrite : PendingAnswer
{
    private readonly TaskCompletionSource<WsTopicMessage> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<WsTopicMessage> Task => _answered.Task;

    public long TimeoutMilliseconds { get; init; }

    /// <summary>The bytes to send again; null where it is sent once.</summary>
    public byte[]? Payload { get; set; }

    public PendingWriteState State { get; set; }

    public override bool OnAnswer(ReadOnlySpan<byte> message, in Envelope envelope, bool isError)
    {
        if (isError)
        {
            _answered.TrySetException(TopicSession.ErrorOf(message, envelope));
        }
        else
        {
            _answered.TrySetResult(new WsTopicMessage(TopicFrame.Rent(message, envelope, null)));
        }

        return true;
    }

    public override void OnFailed(Exception error)
    {
        if (error is OperationCanceledException cancelled)
        {
            _answered.TrySetCanceled(cancelled.CancellationToken);
        }
        else
        {
            _answered.TrySetException(error);
        }
    }
}

internal enum PendingWriteState
{
    /// <summary>The client's write buffer has it.</summary>
    Sending,

    /// <summary>It was handed to a connection.</summary>
    Sent,

    /// <summary>It is sent again on the next connection.</summary>
    Waiting,
}

/// <summary>A subscribe to one topic or several.</summary>
internal sealed class PendingJoin(TopicSession session, TopicState[] topics, WsTopicSince since) : PendingAnswer
{
    private readonly TaskCompletionSource<Exception?> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<TopicState> _left = [.. topics];
    private Exception? _error;

    /// <summary>Null where all were joined; otherwise the last error.</summary>
    public Task<Exception?> Task => _answered.Task;

    /// <summary>Where it asked to begin.</summary>
    public WsTopicSince Since { get; } = since;

    public override bool OnAnswer(ReadOnlySpan<byte> message, in Envelope envelope, bool isError)
    {
        Exception? error = isError ? TopicSession.ErrorOf(message, envelope) : null;
        TopicState? named = envelope.Topic.IsEmpty ? null : session.FindTopic(message, envelope.Topic);
        if (named is not null && _left.Count > 1)
        {
            if (_left.Remove(named))
            {
                OnAnswer(named, message, envelope, error);
            }
        }
        else
        {
            foreach (TopicState topic in _left)
            {
                OnAnswer(topic, message, envelope, error);
            }

            _left.Clear();
        }

        if (_left.Count > 0)
        {
            return false;
        }

        _answered.TrySetResult(_error);
        return true;
    }

    public override void OnFailed(Exception error) => _answered.TrySetResult(error);

    private void OnAnswer(TopicState topic, ReadOnlySpan<byte> message, in Envelope envelope, Exception? error)
    {
        if (error is null)
        {
            session.ApplyJoin(topic, this, message, envelope);
        }
        else
        {
            _error = error;
        }
    }
}
