using System.Buffers;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

/// <summary>A sender whose every form of message comes down to one of a sequence. It never waits for a peer.</summary>
internal abstract class Sender : IWsSender
{
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default)
    {
        Send(new ReadOnlySequence<byte>(payload), type, default);
        return default;
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        Send(new ReadOnlySequence<byte>(payload), type, options);
        return default;
    }

    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, CancellationToken cancellationToken = default)
    {
        Send(payload, type, default);
        return default;
    }

    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        Send(payload, type, options);
        return default;
    }

    public ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        Send(new ReadOnlySequence<byte>(message.Payload), message.Type, message.Options);
        return default;
    }

    protected abstract void Send(in ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options);
}

/// <summary>Sends to every connection: a room that all are in and nobody sees.</summary>
internal sealed class EveryoneSender(Room everyone) : Sender
{
    protected override void Send(in ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options) => everyone.PublishRaw(payload, type, new WsPublishOptions(NeverCompress: options.NeverCompress));
}

/// <summary>Sends to nobody: the connection that was asked for is not there.</summary>
internal sealed class NobodySender : Sender
{
    internal static readonly NobodySender Instance = new();

    protected override void Send(in ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options)
    {
    }
}

/// <summary>Sends to all connections of a user; encoded once.</summary>
internal sealed class UserSender(UserIndex users, string userId) : Sender
{
    protected override void Send(in ReadOnlySequence<byte> payload, WsMessageType type, WsSendOptions options)
    {
        HubConnection[] connections = users.Find(userId);
        if (connections.Length == 0)
        {
            return;
        }

        int length = checked((int)payload.Length);
        WsFrame frame = WsFrame.Rent(length);
        payload.CopyTo(frame.GetPayloadSpan(length));
        frame.NeverCompress = options.NeverCompress;
        frame.Seal(type, length);
        foreach (HubConnection connection in connections)
        {
            connection.Ws.TrySend(frame);
        }

        frame.Release();
    }
}
