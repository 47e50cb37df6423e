using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Keeps what it receives, and does what a test wants it to.</summary>
internal sealed class RecordingReceiver : WsReceiver
{
    private readonly Channel<(WsMessageType Type, byte[] Payload)> _messages = Channel.CreateUnbounded<(WsMessageType, byte[])>();
    private readonly List<byte> _parts = [];

    public Func<WsMessageType, ReadOnlySequence<byte>, ValueTask>? OnMessage { get; set; }

    public Func<WsMessagePart, ValueTask>? OnPart { get; set; }

    public Func<WsMessageType, bool>? InParts { get; set; }

    public int PartCount { get; private set; }

    /// <summary>Whether it says beforehand that it never wants parts.</summary>
    public bool NeverInParts { get; set; }

    /// <summary>How many messages there had been whenever all that was read was handled.</summary>
    public ConcurrentQueue<int> MessagesAtReadEnds { get; } = new();

    public ConcurrentQueue<TimeSpan> RoundTrips { get; } = new();

    public int MessageCount => _messages.Reader.Count;

    public async Task<(WsMessageType Type, byte[] Payload)> NextAsync() => await _messages.Reader.ReadAsync().Soon();

    public override bool ReceivesParts(WsMessageType type) => InParts?.Invoke(type) ?? false;

    public override ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload)
    {
        if (OnMessage is { } handler)
        {
            return handler(type, payload);
        }

        Assert.True(_messages.Writer.TryWrite((type, payload.ToArray())));
        return default;
    }

    public override ValueTask OnPartAsync(WsMessagePart part)
    {
        PartCount++;
        Assert.Equal(part.IsFirst, _parts.Count == 0 && PartIsFirst);
        PartIsFirst = part.IsLast;
        _parts.AddRange(part.Payload.ToArray());
        if (part.IsLast)
        {
            Assert.True(_messages.Writer.TryWrite((part.Type, _parts.ToArray())));
            _parts.Clear();
        }

        return OnPart?.Invoke(part) ?? default;
    }

    internal override bool MayReceiveParts => !NeverInParts;

    internal override void OnReadHandled() => MessagesAtReadEnds.Enqueue(MessageCount);

    public override void OnRoundTrip(TimeSpan roundTrip) => RoundTrips.Enqueue(roundTrip);

    private bool PartIsFirst { get; set; } = true;
}
