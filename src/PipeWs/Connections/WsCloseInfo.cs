namespace PipeWs;

/// <summary>Who began the end of a connection.</summary>
public enum WsCloseInitiator
{
    /// <summary>This side sent the first close frame, failed the connection or aborted it.</summary>
    Local,

    /// <summary>The peer sent the first close frame.</summary>
    Remote,

    /// <summary>Nobody said goodbye: the transport ended.</summary>
    Transport,
}

/// <summary>How a connection ended.</summary>
/// <param name="Code">
/// The close code (RFC 6455, section 7.4): the one received, or the one sent where this side began;
/// 1005 where a close frame carried none, 1006 where the transport ended without one.
/// </param>
/// <param name="Reason">The close reason; empty where there is none.</param>
/// <param name="Initiator">Who began.</param>
/// <param name="WasClean">Whether both close frames were exchanged.</param>
/// <param name="Exception">What broke the transport or the handler, if anything did.</param>
public sealed record WsCloseInfo(ushort Code, string Reason, WsCloseInitiator Initiator, bool WasClean, Exception? Exception = null);
