using System.Buffers;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>Somebody to whom a unit test's code can send, and who remembers what it sent. Safe from any thread.</summary>
public class FakeWsSender : IWsSender
{
    private readonly Lock _gate = new();
    private readonly List<WsTestMessage> _sent = [];

    internal FakeWsSender()
    {
    }

    /// <summary>What was sent, in order.</summary>
    public IReadOnlyList<WsTestMessage> Sent
    {
        get
        {
            lock (_gate)
            {
                return [.. _sent];
            }
        }
    }

    /// <summary>The text messages that were sent, in order.</summary>
    public IReadOnlyList<string> SentTexts => [.. Sent.Where(static message => message.MessageType == WsMessageType.Text).Select(static message => message.Text)];

    /// <summary>The last message that was sent.</summary>
    /// <exception cref="WsAssertionException">Nothing was.</exception>
    public WsTestMessage LastSent => Sent is [.., var last] ? last : throw new WsAssertionException("Nothing was sent.");

    /// <summary>
    /// Called for each send after it was remembered; the send completes or fails with it. Null, the default, for sends that complete at once. A task that a test completes later is a
    /// backlog that is full; one that throws <see cref="WsClosedException"/> is a connection that has just ended.
    /// </summary>
    public Func<WsTestMessage, ValueTask>? OnSend { get; set; }

    /// <summary>Forgets what was sent.</summary>
    public void ClearSent()
    {
        lock (_gate)
        {
            _sent.Clear();
        }
    }

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default) =>
        Send(new WsTestMessage(type, payload.ToArray()), cancellationToken);

    /// <inheritdoc/>
    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, CancellationToken cancellationToken = default) =>
        Send(new WsTestMessage(type, payload.ToArray()), cancellationToken);

    /// <inheritdoc/>
    public ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return SendAsync(message.Payload, message.Type, cancellationToken);
    }

    /// <summary>Remembers a message that came to whoever this is.</summary>
    internal void Record(WsTestMessage message)
    {
        lock (_gate)
        {
            _sent.Add(message);
        }
    }

    /// <summary>A send: remembered, and passed on to whom it reaches. Only a single connection has a backlog whose room the token gives up waiting for.</summary>
    internal virtual ValueTask Send(WsTestMessage message, CancellationToken cancellationToken)
    {
        Record(message);
        Deliver(message);
        return OnSend?.Invoke(message) ?? default;
    }

    /// <summary>Passes a message on to the connections behind this sender.</summary>
    internal virtual void Deliver(WsTestMessage message)
    {
    }
}

/// <summary>A sender of a hub that reaches several of its connections.</summary>
internal sealed class FakeGroupSender(Func<IEnumerable<FakeWsConnection>> members) : FakeWsSender
{
    internal override void Deliver(WsTestMessage message)
    {
        foreach (FakeWsConnection connection in members())
        {
            connection.Record(message);
        }
    }
}
