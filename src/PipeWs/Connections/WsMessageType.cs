namespace PipeWs;

/// <summary>The two kinds of message. RFC 6455, section 5.6.</summary>
public enum WsMessageType : byte
{
    /// <summary>UTF-8 text. What is received is validated; what is sent must be valid.</summary>
    Text = 1,

    /// <summary>Bytes with no meaning to the protocol.</summary>
    Binary = 2,
}
