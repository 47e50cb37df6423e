using System.Buffers;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

/// <summary>A room by name, whichever of its lives is the present one.</summary>
internal sealed class RoomHandle(Hub hub, string name) : Sender, IWsRoom
{
    private Room? _room;

    public string Name => name;

    public string Epoch => Find()?.Epoch ?? "";

    public long Head => Find()?.Log.Head ?? 0;

    public int MemberCount => Find()?.MemberCount ?? 0;

    public IReadOnlyList<IWsConnection> Members => Find()?.CopyMembers() ?? [];

    public long Publish(ReadOnlyMemory<byte> data, WsPublishOptions options = default)
    {
        while (FindToPublish() is { } room)
        {
            // Where this life has just ended, with nobody in it, the message belongs to the next.
            long number = room.Publish(data.Span, options);
            if (number > 0)
            {
                return number;
            }
        }

        return 0;
    }

    public long PublishRaw(ReadOnlyMemory<byte> payload, WsMessageType type, WsPublishOptions options = default) =>
        PublishRaw(new ReadOnlySequence<byte>(payload), type, options);

    public IWsSender Except(params IReadOnlyList<string> connectionIds)
    {
        ArgumentNullException.ThrowIfNull(connectionIds);
        return new ExceptSender(this, connectionIds);
    }

    protected override void Send(in ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options) =>
        PublishRaw(payload, type, new WsPublishOptions(NeverCompress: options.NeverCompress));

    private long PublishRaw(in ReadOnlySequence<byte> payload, WsMessageType type, in WsPublishOptions options)
    {
        while (FindToPublish() is { } room)
        {
            long number = room.PublishRaw(payload, type, options);
            if (number > 0)
            {
                return number;
            }
        }

        return 0;
    }

    private Room? Find()
    {
        Room? room = Volatile.Read(ref _room);
        if (room is null || room.IsRemoved)
        {
            room = hub.RoomRegistry.Find(name);
            Volatile.Write(ref _room, room);
        }

        return room;
    }

    /// <summary>The room where somebody could ever read what is published: it exists, or its options keep history.</summary>
    private Room? FindToPublish() => Find() ?? (hub.RoomRegistry.OptionsFor(name).HistoryMessages > 0 ? hub.RoomRegistry.GetOrCreate(name) : null);

    private sealed class ExceptSender(RoomHandle room, IReadOnlyList<string> connectionIds) : Sender
    {
        protected override void Send(in ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options) =>
            room.PublishRaw(payload, type, new WsPublishOptions(Except: connectionIds, NeverCompress: options.NeverCompress));
    }
}
