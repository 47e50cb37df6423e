using System.Buffers;
using PipeWs.Messages;

namespace PipeWs.Server.Routing;

internal sealed partial class RequestContext
{
    public override ValueTask ReplyAsync(string type, ReadOnlyMemory<byte> data = default) => ReplyAsync(type, data, default);

    public override ValueTask ReplyAsync(string type, ReadOnlyMemory<byte> data, WsSendOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(type);
        ReadOnlySpan<byte> bodyPrefix = (_names ?? EnvelopeNames.Default).BodyPrefixes[Envelope.BodyName];
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteReply(buffer, Id, type, bodyPrefix, data.Span);
        return SendReply(buffer, options);
    }

    public override ValueTask ReplyErrorAsync(int code, string message) => ReplyErrorAsync(code, message, default);

    public override ValueTask ReplyErrorAsync(int code, string message, WsSendOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(code, 400);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, 599);
        ArgumentNullException.ThrowIfNull(message);
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteError(buffer, Id, code, message);
        _errorCode = code;
        return SendReply(buffer, options);
    }

    public override ValueTask RefuseAsync(int code, string message)
    {
        _isRefused = true;
        _errorCode = code;
        return _hasReplied || !SpeaksJson ? default : ReplyErrorAsync(code, message);
    }

    /// <summary>Answers with <c>{"id":...,"type":"ack"}</c>.</summary>
    internal ValueTask ReplyAckAsync()
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteAck(buffer, Id);
        return SendReply(buffer);
    }

    /// <summary>Answers with <c>{"id":...,"type":"pong"}</c>.</summary>
    internal ValueTask ReplyPongAsync()
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WritePong(buffer, Id);
        return SendReply(buffer);
    }

    /// <summary>Answers what came of an unsubscribe, where an answer is wanted.</summary>
    internal ValueTask ReplyLeaveAsync(string topic)
    {
        if (!WantsAck)
        {
            return default;
        }

        MessageBuffer buffer = MessageBuffer.Rent();
        MessageWriter.WriteAck(buffer, Id, topic);
        return SendReply(buffer);
    }

    /// <summary>Answers what came of a subscribe, where there is something to say.</summary>
    internal ValueTask ReplyJoinAsync(string topic, WsJoinResult result)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        if (WriteJoinAnswer(buffer, topic, result))
        {
            return SendReply(buffer);
        }

        buffer.Return();
        return default;
    }

    /// <summary>
    /// Writes the answer to a subscribe, for a hub that has to put it in front of the room's messages itself: an ack where one is wanted or where a resume
    /// found less than it asked for, and in any case an error where the connection is not a member. Counts as the request's answer.
    /// </summary>
    /// <returns>Whether anything was written.</returns>
    internal bool WriteJoinAnswer(IBufferWriter<byte> output, string topic, in WsJoinResult result)
    {
        if (result.IsMember)
        {
            if (!WantsAck && result.Recovered != false)
            {
                return false;
            }

            MessageWriter.WriteAck(output, Id, topic, result.Epoch, result.Head, result.Recovered, result.Reason);
        }
        else
        {
            (int code, string words) = result.Status switch
            {
                WsJoinStatus.RoomFull => (503, "the room is full"),
                WsJoinStatus.TooManyRooms => (429, "the connection is in too many rooms"),
                WsJoinStatus.Forbidden => (403, "the room may not be joined"),
                WsJoinStatus.HubFull => (503, "the server has too many rooms"),
                WsJoinStatus.TooMuchReplay => (429, "too much was repeated to this connection"),
                WsJoinStatus.InvalidName => (400, "there is no room of this name"),
                WsJoinStatus.Refused => (result.Code == 0 ? 403 : result.Code, "the room may not be joined"),
                _ => (503, "the connection is closing"),
            };
            _errorCode = code;
            MessageWriter.WriteError(output, Id, code, result.Reason ?? words, topic);
        }

        _hasReplied = true;
        return true;
    }

    /// <summary>Says that the request was answered by other ways, so that no ack follows.</summary>
    internal ValueTask MarkReplied()
    {
        _hasReplied = true;
        return default;
    }

    private ValueTask SendReply(MessageBuffer buffer, WsSendOptions options = default)
    {
        _hasReplied = true;
        return buffer.SendAsync(connection, WsMessageType.Text, options, CancellationToken.None);
    }
}
