namespace PipeWs;

// What has gone through the connection. Each count has one writer, the receive loop or the turn's holder, which adds to a plain field; others read it.
public sealed partial class WsConnection
{
    private long _messagesReceived;
    private long _bytesReceived;
    private long _messagesSent;
    private long _bytesSent;

    /// <summary>How many messages were given to the receiver; one in parts counts with its last part.</summary>
    public long MessagesReceived => Volatile.Read(ref _messagesReceived);

    /// <summary>How many bytes of frames were read, headers included.</summary>
    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    /// <summary>How many messages were written for the transport to take; one in parts counts with its last part, control frames do not.</summary>
    public long MessagesSent => Volatile.Read(ref _messagesSent);

    /// <summary>How many bytes of frames were handed to the transport, headers and control frames included.</summary>
    public long BytesSent => Volatile.Read(ref _bytesSent);

    /// <summary>How many pings were sent.</summary>
    public long PingsSent => _pings?.Sent ?? 0;

    /// <summary>What the receiver threw, which ended the connection with 1011; null where it did not.</summary>
    internal Exception? ReceiverException => Volatile.Read(ref _end)?.HandlerException;
}
