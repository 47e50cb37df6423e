using System.Buffers;
using System.Text.Json;
using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// Messages in. Acks, pongs and errors are done with here, before any buffer; nothing waits but for a borrowed handler.
internal sealed partial class TopicSession
{
    /// <summary>A gap's reason is cut here, in UTF-16 units.</summary>
    private const int MaxReasonLength = 123;

    public ValueTask<bool> OnMessageAsync(WsClientConnection connection, WsMessageType type, ReadOnlySequence<byte> payload)
    {
        TopicLink link = Volatile.Read(ref _link) is { } current && current.Connection == connection ? current : GetLink(connection);
        link.Received++;
        ReadOnlyMemory<byte> message = payload.IsSingleSegment ? payload.First : Join(link, payload);
        if (Client.Events.Wants(WsClientEventKinds.MessageReceived) && !GoesToReadyHandlers(link))
        {
            Client.Events.Publish(new WsMessageReceivedEvent(type, message.ToArray()));
        }

        EnvelopeError error = default;
        Envelope envelope = default;
        if (type == WsMessageType.Text)
        {
            error = EnvelopeReader.Read(message.Span, s_names, out envelope);
        }

        if (type != WsMessageType.Text || (error.IsError && error.Reason == s_names.NoDiscriminator.Reason))
        {
            // Of another dialect.
            return new ValueTask<bool>(!GoesToReadyHandlers(link) && AddUnclaimed(message.Span, default));
        }

        if (error.IsError)
        {
            string text = $"A message of the server's was not understood: {error.Reason}";
            TopicLog.ServerError(Logger, Client.Name, text);
            PublishError(text, null);
            return new ValueTask<bool>(true);
        }

        ReadOnlySpan<byte> token = envelope.Discriminator.Of(message.Span);
        if (!token.SequenceEqual("\"message\""u8))
        {
            if (OnControl(link, token, message.Span, envelope, out WsTopicGap? gap))
            {
                return new ValueTask<bool>(true);
            }

            if (gap is not null)
            {
                return DeliverAsync(link, message, envelope, gap);
            }
        }

        return DeliverAsync(link, message, envelope, null);
    }

    /// <summary>What the dialect itself is made of. A gap is not done with: it has its place among the messages.</summary>
    private bool OnControl(TopicLink link, ReadOnlySpan<byte> type, ReadOnlySpan<byte> message, in Envelope envelope, out WsTopicGap? gap)
    {
        gap = null;
        bool isError = type.SequenceEqual("\"error\""u8);
        if (type.SequenceEqual("\"welcome\""u8))
        {
            OnWelcome(link, message, envelope);
            return true;
        }

        if (!envelope.Id.IsEmpty && TopicWriter.ReadId(envelope.Id.Of(message), _idPrefix) is > 0 and long number)
        {
            if ((type.SequenceEqual("\"pong\""u8) && TryEndPing(link, number)) || TryAnswer(link, number, message, envelope, isError))
            {
                return true;
            }
        }

        if (isError)
        {
            OnServerError(link, message, envelope);
            return true;
        }

        if (type.SequenceEqual("\"gap\""u8) && !envelope.Topic.IsEmpty)
        {
            gap = new WsTopicGap(
                JsonText.Decode(envelope.Topic.Of(message)), envelope.From, envelope.To, ReasonOf(message, envelope));
            return false;
        }

        if (type.SequenceEqual("\"reconnect\""u8))
        {
            lock (_lock)
            {
                link.ReconnectAt = Heartbeat.Now + ReadAfter(message);
            }

            return true;
        }

        // An answer that nobody waits for any more.
        return type.SequenceEqual("\"ack\""u8) || type.SequenceEqual("\"pong\""u8);
    }

    /// <summary>Why something is missing, in the server's words. Gaps wait in buffers: how long their words are is not the server's to choose.</summary>
    private static string ReasonOf(ReadOnlySpan<byte> message, in Envelope envelope)
    {
        string reason = envelope.Reason.IsEmpty ? "" : JsonText.Decode(envelope.Reason.Of(message));
        return reason.Length <= MaxReasonLength ? reason : reason[..(char.IsHighSurrogate(reason[MaxReasonLength - 1]) ? MaxReasonLength - 1 : MaxReasonLength)];
    }

    private void OnWelcome(TopicLink link, ReadOnlySpan<byte> message, in Envelope envelope)
    {
        lock (_lock)
        {
            link.Id = envelope.Id.IsEmpty ? null : JsonText.Decode(envelope.Id.Of(message));
            link.PingInterval = envelope.PingIntervalMilliseconds > 0 ? TimeSpan.FromMilliseconds(envelope.PingIntervalMilliseconds) : null;
            link.PingTimeout = envelope.PingTimeoutMilliseconds > 0 ? TimeSpan.FromMilliseconds(envelope.PingTimeoutMilliseconds) : null;
        }

        link.Welcome.TrySetResult();
    }

    private bool TryEndPing(TopicLink link, long number)
    {
        lock (_lock)
        {
            if (link.PingNumber != number)
            {
                return false;
            }

            link.PingNumber = 0;
        }

        if (Client.Events.Wants(WsClientEventKinds.PongReceived))
        {
            Client.Events.Publish(new WsPongReceivedEvent(Heartbeat.TimeProvider.GetElapsedTime(link.PingTimestamp)));
        }

        return true;
    }

    private bool TryAnswer(TopicLink link, long number, ReadOnlySpan<byte> message, in Envelope envelope, bool isError)
    {
        lock (_lock)
        {
            if (!_pending.TryGetValue(number, out PendingAnswer? pending) || (pending.Link is not null && pending.Link != link))
            {
                return false;
            }

            if (pending.OnAnswer(message, envelope, isError))
            {
                _pending.Remove(number);
            }
        }

        return true;
    }

    /// <summary>An error that answers nothing: the end of a membership, an answer that came too late, or anything else the server has to say.</summary>
    private void OnServerError(TopicLink link, ReadOnlySpan<byte> message, in Envelope envelope)
    {
        WsTopicException error = ErrorOf(message, envelope);
        link.Welcome.TrySetException(error);
        _ = link.Welcome.Task.Exception;
        lock (_lock)
        {
            if (envelope.Id.IsEmpty && !envelope.Topic.IsEmpty && FindTopic(message, envelope.Topic) is { IsJoined: true } topic && topic.AskedOn == link)
            {
                topic.Unjoin();
                topic.IsLost = true;
                NoteFailureUnsynchronized(topic, error);
                KickUnsynchronized(topic);
            }
        }

        TopicLog.ServerError(Logger, Client.Name, error.Message);
        PublishError(error.Message, error);
    }

    private ValueTask<bool> DeliverAsync(TopicLink link, ReadOnlyMemory<byte> message, in Envelope envelope, WsTopicGap? gap)
    {
        TopicState? topic = null;
        TopicMember[] members = [];
        bool callsBack = false;
        if (!envelope.Topic.IsEmpty)
        {
            ReadOnlySpan<byte> name = envelope.Topic.ContentOf(message.Span);
            lock (_lock)
            {
                topic = link.LastTopic is { Members.Length: > 0 } last && name.SequenceEqual(last.Utf8) ? last : link.LastTopic = FindTopic(message.Span, envelope.Topic);
                members = topic?.Members ?? [];
                foreach (TopicMember member in members)
                {
                    if (member.Subscription.Handler is null)
                    {
                        Buffer(member, message.Span, envelope, gap);
                    }
                    else
                    {
                        callsBack = true;
                    }
                }
            }
        }

        if (members.Length == 0)
        {
            return new ValueTask<bool>(!GoesToReadyHandlers(link) && AddUnclaimed(message.Span, envelope));
        }

        if (!callsBack)
        {
            return new ValueTask<bool>(true);
        }

        for (int i = 0; i < members.Length; i++)
        {
            ValueTask handled = HandOver(members[i], link, message, envelope, gap);
            if (!handled.IsCompletedSuccessfully)
            {
                return HandOverAwaited(handled, members, i + 1, link, message, envelope, gap);
            }

            handled.GetAwaiter().GetResult();
        }

        return new ValueTask<bool>(true);
    }

    /// <summary>Before the connection is ready a ready handler of the application's may be waiting for a message.</summary>
    private bool GoesToReadyHandlers(TopicLink link) => !link.IsReady && _options.Connection.ReadyHandlers.Count > 0;

    private bool AddUnclaimed(ReadOnlySpan<byte> message, in Envelope envelope)
    {
        if (!_unclaimed.HasRoom(message.Length))
        {
            if (!_unclaimedFull && Client.Events.Wants(WsClientEventKinds.ReadBufferFull))
            {
                Client.Events.Publish(new WsReadBufferFullEvent(WsBufferFullMode.DropOldest, _unclaimed.Count, _unclaimed.Bytes));
            }

            _unclaimedFull = true;
            _unclaimed.DropOldest(message.Length);
        }
        else
        {
            _unclaimedFull &= !_unclaimed.IsHalfFree;
        }

        _unclaimed.Add(TopicFrame.Rent(message, envelope, null));
        return true;
    }

    private static Memory<byte> Join(TopicLink link, in ReadOnlySequence<byte> payload)
    {
        int length = checked((int)payload.Length);
        if (link.Scratch.Length < length)
        {
            link.Scratch = GC.AllocateUninitializedArray<byte>(Math.Max(length, 4096));
        }

        payload.CopyTo(link.Scratch);
        return link.Scratch.AsMemory(0, length);
    }

    private static long ReadAfter(ReadOnlySpan<byte> message)
    {
        const long LongestMilliseconds = 5 * 60 * 1000;
        var reader = new Utf8JsonReader(message);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isAfter = reader.ValueTextEquals("after"u8);
            reader.Read();
            if (isAfter && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long after))
            {
                return Math.Clamp(after, 0, LongestMilliseconds);
            }

            reader.Skip();
        }

        return 0;
    }
}
