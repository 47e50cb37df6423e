using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using PipeWs.Messages;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Rooms;

/// <summary>
/// One life of a room: its log, and its members by shard. Publishing takes no lock and costs the same for one member as for
/// thousands; joining and leaving are ordered by a lock of the room's, which is also what decides that an empty room is over.
/// </summary>
internal sealed partial class Room
{
    private const int MaxStackSubjectBytes = 256;

    private readonly Lock _lock = new();
    private readonly RoomShard[] _shards;
    private readonly TimeProvider _time;
    private readonly byte[] _messagePrefix;
    private readonly long _origin;
    private readonly int _throttle;
    private readonly long _throttledBytes;
    private readonly ConcurrentDictionary<string, long>? _acknowledged;
    private int _memberCount;
    private long _emptySince;
    private long _slow;
    private volatile bool _removed;

    internal Room(string name, WsRoomOptions options, Shard[] shards, TimeProvider time)
    {
        Name = name;
        Options = options;
        Epoch = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        Log = new RoomLog(Math.Max(options.HistoryMessages, options.MaxLagMessages) + 1, options.MaxLogBytes);
        Conflation = options.SlowConsumerPolicy == WsSlowConsumerPolicy.Conflate ? new Conflation(options.MaxConflationKeys) : null;
        _acknowledged = options.Acknowledged ? new ConcurrentDictionary<string, long>(StringComparer.Ordinal) : null;
        _time = time;
        _origin = time.GetTimestamp();
        _messagePrefix = MessageWriter.MessagePrefix(name);
        _throttle = Math.Max(1, options.MaxLagMessages / 2);
        _throttledBytes = options.MaxLogBytes / 2 / _throttle;
        _shards = new RoomShard[shards.Length];
        for (int i = 0; i < shards.Length; i++)
        {
            _shards[i] = new RoomShard(this, shards[i]);
        }
    }

    internal string Name { get; }

    internal string Epoch { get; }

    internal WsRoomOptions Options { get; }

    internal RoomLog Log { get; }

    internal Conflation? Conflation { get; }

    internal int MemberCount => Volatile.Read(ref _memberCount);

    /// <summary>How often a member was too slow.</summary>
    internal long SlowCount => Volatile.Read(ref _slow);

    /// <summary>Whether this life is over; nothing can be published to it.</summary>
    internal bool IsRemoved => _removed;

    private bool KeepsHistory => Options.HistoryMessages > 0;

    private long Now => (long)_time.GetElapsedTime(_origin).TotalMilliseconds;

    /// <summary>Appends a message in its envelope. No lock, no allocation; never waits for a member.</summary>
    /// <returns>Its number; 0 where this life of the room is over.</returns>
    internal long Publish(ReadOnlySpan<byte> data, in WsPublishOptions options)
    {
        scoped ReadOnlySpan<byte> subject = default;
        Span<byte> scratch = stackalloc byte[MaxStackSubjectBytes];
        if (options.Subject is { } text)
        {
            subject = JsonText.MaxBytes(text) <= scratch.Length ? scratch[..JsonText.Write(scratch, text)] : JsonText.Encode(text);
        }

        // All that can fail is done before a number is taken.
        string[]? except = CopyExcept(options);
        WsFrame frame = WsFrame.Rent(MessageWriter.MessageLength(_messagePrefix, subject, long.MaxValue, data));
        long number = Log.Reserve();
        if (number == 0)
        {
            frame.Release();
            return 0;
        }

        int length = MessageWriter.MessageLength(_messagePrefix, subject, number, data);
        MessageWriter.WriteMessage(frame.GetPayloadSpan(length), _messagePrefix, subject, number, data);
        frame.NeverCompress = options.NeverCompress;
        frame.Seal(WsMessageType.Text, length);
        Append(frame, number, options.Key, except);
        return number;
    }

    /// <summary>Appends a payload as it is.</summary>
    /// <returns>Its number; 0 where this life of the room is over.</returns>
    internal long PublishRaw(in ReadOnlySequence<byte> payload, WsMessageType type, in WsPublishOptions options)
    {
        int length = checked((int)payload.Length);
        string[]? except = CopyExcept(options);
        WsFrame frame = WsFrame.Rent(length);
        payload.CopyTo(frame.GetPayloadSpan(length));
        frame.NeverCompress = options.NeverCompress;
        frame.Seal(type, length);
        long number = Log.Reserve();
        if (number == 0)
        {
            frame.Release();
            return 0;
        }

        Append(frame, number, options.Key, except);
        return number;
    }

    internal void CountSlow() => Interlocked.Increment(ref _slow);

    internal void WriteGap(ref WsFrameWriter writer, long from, long to, string reason)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteGap(buffer, Name, from, to, reason);
        writer.Write(WsMessageType.Text, buffer.Written.Span);
        buffer.Return();
    }

    internal void Unsubscribe(Membership member, long cursor)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteError(buffer, default, 429, $"unsubscribed: too slow, the next message would have been {cursor}", Name);
        member.Connection.Unsubscribe(member, buffer.Written.Span);
        buffer.Return();
    }

    internal List<IWsConnection> CopyMembers()
    {
        var members = new List<IWsConnection>(MemberCount);
        foreach (RoomShard shard in _shards)
        {
            shard.CopyTo(members);
        }

        return members;
    }

    // Read long after the publish has returned, by when the application may have changed its list.
    private static string[]? CopyExcept(in WsPublishOptions options) => options.Except is { Count: > 0 } except ? [.. except] : null;

    private void Append(WsFrame frame, long number, string? key, string[]? except)
    {
        frame.SequenceNumber = number;
        frame.Key = key;
        frame.Except = except;
        frame.Timestamp = KeepsHistory ? Now : 0;
        Conflation?.Update(frame);

        // How far a publisher may be ahead of the members' walk: half of what the log holds, by messages or, where they are large, by bytes.
        long ahead = frame.Length <= _throttledBytes ? _throttle : Math.Max(1, Options.MaxLogBytes / 2 / frame.Length);
        Log.Place(frame);
        foreach (RoomShard shard in _shards)
        {
            if (shard.Count == 0)
            {
                continue;
            }

            shard.MarkDirty();
            if (number - shard.WalkedTo > ahead)
            {
                shard.CatchUp(number - ahead);
            }
        }
    }
}
