namespace PipeWs.Protocol.Framing;

/// <summary>The four bits that say what a frame is. RFC 6455, section 5.2.</summary>
public enum Opcode : byte
{
    /// <summary>A further fragment of the message under way.</summary>
    Continuation = 0x0,

    /// <summary>The first fragment of a text message; the payload of the whole message is UTF-8.</summary>
    Text = 0x1,

    /// <summary>The first fragment of a binary message.</summary>
    Binary = 0x2,

    /// <summary>A control frame that begins or answers the closing handshake. RFC 6455, section 5.5.1.</summary>
    Close = 0x8,

    /// <summary>A control frame that asks for a pong. RFC 6455, section 5.5.2.</summary>
    Ping = 0x9,

    /// <summary>A control frame that answers a ping, or a heartbeat nobody asked for. RFC 6455, section 5.5.3.</summary>
    Pong = 0xA,
}
