using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace PipeWs.Client.Receiving;

/// <summary>The received messages that wait for the reader: bounded in number and bytes. One receive loop adds; any thread reads.</summary>
internal sealed class ReadBuffer(int maxCount, long maxBytes)
{
    // The bounds are kept here; the channel gives the lock-free queue and the waiting.
    private readonly Channel<ReceivedMessage> _messages = Channel.CreateUnbounded<ReceivedMessage>(new UnboundedChannelOptions { SingleReader = false, SingleWriter = false });
    private int _count;
    private long _bytes;
    private long _dropped;
    private volatile bool _completed;
    private TaskCompletionSource? _room;

    public int Count => Volatile.Read(ref _count);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>How many messages were dropped.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    private bool IsFull => Volatile.Read(ref _count) >= maxCount || Volatile.Read(ref _bytes) >= maxBytes;

    /// <summary>Adds a copy of a message where there is room; after the end there always is, and it is dropped.</summary>
    public bool TryAdd(WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        if (_completed)
        {
            return true;
        }

        if (IsFull || (Count > 0 && Bytes + payload.Length > maxBytes))
        {
            return false;
        }

        Add(type, payload);
        return true;
    }

    /// <summary>Adds a copy of a message in the place of the oldest ones.</summary>
    public void AddOverOldest(WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        var spin = new SpinWait();
        while (!TryAdd(type, payload))
        {
            if (TryTake(out ReceivedMessage? oldest))
            {
                oldest.Release(oldest.Version);
                CountDropped();
            }
            else
            {
                // A reader has just taken it and is about to say so.
                spin.SpinOnce();
            }
        }
    }

    /// <summary>Waits until there is room and adds a copy.</summary>
    public async ValueTask AddWhenRoomAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken)
    {
        while (true)
        {
            var room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref _room, room);

            // A reader may have made room before it could see that it is waited for.
            if (TryAdd(type, payload))
            {
                return;
            }

            await room.Task.WaitAsync(cancellationToken);
        }
    }

    public void CountDropped() => Interlocked.Increment(ref _dropped);

    public bool TryRead(out WsClientMessage message)
    {
        if (TryTake(out ReceivedMessage? taken))
        {
            message = new WsClientMessage(taken);
            return true;
        }

        message = default;
        return false;
    }

    /// <summary>Waits for a message; false at the end.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken) => _messages.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>No more come. What is in the buffer is still read; then readers see the error, or the end.</summary>
    public void Complete(Exception? error)
    {
        _completed = true;
        _messages.Writer.TryComplete(error);
        Interlocked.Exchange(ref _room, null)?.TrySetResult();
    }

    private void Add(WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        ReceivedMessage message = ReceivedMessage.Copy(type, payload);
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _bytes, payload.Length);
        if (!_messages.Writer.TryWrite(message))
        {
            Interlocked.Decrement(ref _count);
            Interlocked.Add(ref _bytes, -payload.Length);
            message.Release(message.Version);
        }
    }

    private bool TryTake([NotNullWhen(true)] out ReceivedMessage? message)
    {
        if (!_messages.Reader.TryRead(out message))
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _bytes, -message.Length);
        if (Volatile.Read(ref _room) is not null)
        {
            Interlocked.Exchange(ref _room, null)?.TrySetResult();
        }

        return true;
    }
}
