using System.Buffers;
using PipeWs.Messages;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>
/// A room of a <see cref="FakeWsHub"/>: it numbers and remembers what is published, and its members' <see cref="FakeWsSender.Sent"/> have what real members would be sent. It keeps
/// no history for those who come later. Safe from any thread.
/// </summary>
public sealed class FakeWsRoom : FakeWsSender, IWsRoom
{
    private readonly Lock _gate = new();
    private readonly List<FakeWsPublish> _published = [];
    private readonly List<FakeWsConnection> _members = [];
    private readonly FakeWsHub _hub;
    private readonly byte[] _prefix;

    internal FakeWsRoom(FakeWsHub hub, string name)
    {
        _hub = hub;
        Name = name;
        _prefix = MessageWriter.MessagePrefix(name);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The same for every fake room, and for as long as it lives.</summary>
    /// <inheritdoc/>
    public string Epoch => "fake";

    /// <inheritdoc/>
    public long Head => Published.Count;

    /// <inheritdoc/>
    public int MemberCount => Members.Count;

    /// <summary>The members.</summary>
    public IReadOnlyList<FakeWsConnection> Members
    {
        get
        {
            lock (_gate)
            {
                return [.. _members];
            }
        }
    }

    /// <summary>What was published or sent, in order.</summary>
    public IReadOnlyList<FakeWsPublish> Published
    {
        get
        {
            lock (_gate)
            {
                return [.. _published];
            }
        }
    }

    /// <summary>The last that was published or sent.</summary>
    /// <exception cref="WsAssertionException">Nothing was.</exception>
    public FakeWsPublish LastPublished => Published is [.., var last] ? last : throw new WsAssertionException($"Nothing was published to the room \"{Name}\".");

    IReadOnlyList<IWsConnection> IWsRoom.Members => Members;

    /// <inheritdoc/>
    public long Publish(ReadOnlyMemory<byte> data, WsPublishOptions options = default) => Publish(new WsTestMessage(WsMessageType.Text, data.ToArray()), options, isRaw: false);

    /// <inheritdoc/>
    public long PublishRaw(ReadOnlyMemory<byte> payload, WsMessageType type, WsPublishOptions options = default) =>
        Publish(new WsTestMessage(type, payload.ToArray()), options, isRaw: true);

    /// <inheritdoc/>
    public IWsSender Except(params IReadOnlyList<string> connectionIds)
    {
        ArgumentNullException.ThrowIfNull(connectionIds);
        return new ExceptSender(this, connectionIds);
    }

    internal override void Deliver(WsTestMessage message) => Publish(message, default, isRaw: true);

    /// <summary>Whether it has members or messages: what a real hub would have a room for.</summary>
    internal bool Exists
    {
        get
        {
            lock (_gate)
            {
                return _members.Count > 0 || _published.Count > 0;
            }
        }
    }

    /// <summary>What a join that wants the log from there on is answered. Nothing is repeated, so that all is recovered only where nothing came since.</summary>
    internal WsJoinResult Answer(WsSince since)
    {
        long head = Head;
        if (since.Kind != WsSinceKind.After)
        {
            return new WsJoinResult(WsJoinStatus.Joined, Epoch, head, null, null);
        }

        string? reason = since.Epoch != Epoch ? "epoch"
            : since.SequenceNumber > head || since.SequenceNumber < 0 ? "unknown sequence number"
            : since.SequenceNumber < head ? "expired"
            : null;
        return new WsJoinResult(WsJoinStatus.Joined, Epoch, head, reason is null, reason);
    }

    /// <summary>Makes a connection a member.</summary>
    /// <returns>How many there are then.</returns>
    internal int Add(FakeWsConnection connection, WsSince since, out WsJoinResult answer)
    {
        lock (_gate)
        {
            // Under the gate, so that its head is the last message before it.
            answer = Answer(since);
            _members.Add(connection);
            return _members.Count;
        }
    }

    /// <summary>Ends a membership.</summary>
    /// <returns>How many there are then.</returns>
    internal int Remove(FakeWsConnection connection)
    {
        lock (_gate)
        {
            _members.Remove(connection);
            return _members.Count;
        }
    }

    private long Publish(WsTestMessage content, WsPublishOptions options, bool isRaw)
    {
        lock (_gate)
        {
            long number = _published.Count + 1;
            _published.Add(new FakeWsPublish(number, content, options, isRaw));
            WsTestMessage message = isRaw ? content : Envelop(number, content, options);
            foreach (FakeWsConnection member in _members)
            {
                if (options.Except?.Contains(member.Id) != true)
                {
                    member.Record(message);
                }
            }

            return number;
        }
    }

    private WsTestMessage Envelop(long number, WsTestMessage data, WsPublishOptions options)
    {
        byte[] subject = options.Subject is null ? [] : JsonText.Encode(options.Subject);
        var message = new byte[MessageWriter.MessageLength(_prefix, subject, number, data.Payload.Span)];
        MessageWriter.WriteMessage(message, _prefix, subject, number, data.Payload.Span);
        return new WsTestMessage(WsMessageType.Text, message);
    }

    private sealed class ExceptSender(FakeWsRoom room, IReadOnlyList<string> connectionIds) : FakeWsSender
    {
        internal override void Deliver(WsTestMessage message) => room.Publish(message, new WsPublishOptions(Except: connectionIds), isRaw: true);
    }
}

/// <summary>Something that was published to a room, or sent to it.</summary>
/// <param name="SequenceNumber">The number it got.</param>
/// <param name="Content">The data; the whole payload where it <see cref="IsRaw"/>.</param>
/// <param name="Options">The options it was published with.</param>
/// <param name="IsRaw">Whether it goes out as it is, without the envelope.</param>
public sealed record FakeWsPublish(long SequenceNumber, WsTestMessage Content, WsPublishOptions Options, bool IsRaw)
{
    /// <summary>The content as text.</summary>
    public string Text => Content.Text;
}
