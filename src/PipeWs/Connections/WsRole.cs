namespace PipeWs;

/// <summary>Which end of the connection this is. RFC 6455 treats them differently in masking and in who closes the transport first.</summary>
public enum WsRole : byte
{
    /// <summary>Receives masked frames, sends unmasked ones, and closes the transport first (RFC 6455, sections 5.1 and 7.1.1).</summary>
    Server,

    /// <summary>Sends masked frames and receives unmasked ones.</summary>
    Client,
}
