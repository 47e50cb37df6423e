using PipeWs.Protocol.Framing;

namespace PipeWs.Client;

/// <summary>Why there is no connection: one ended, or none could be opened.</summary>
/// <param name="Code">The close code (RFC 6455, section 7.4); 1006 where the transport ended without one, 0 where no connection was opened.</param>
/// <param name="Reason">The close reason, or the error's message.</param>
/// <param name="Initiator">Who began the end.</param>
/// <param name="Exception">What broke it or kept it from being opened, if anything did.</param>
public sealed record WsDisconnect(ushort Code, string Reason, WsCloseInitiator Initiator, Exception? Exception)
{
    /// <summary>Whether no connection was opened at all.</summary>
    public bool IsDialFailure => Code == 0;

    /// <summary>
    /// Whether the client connects again after this where nothing else is set: always, but for 1000, 1002, 1003, 1007, 1008, 1009, 1010 and 3001 from the server, which mean that
    /// trying again would end the same way, and 1009 of this side. What this side found wrong with the server's bytes (1002, 1007, 1008) may be right on a new connection.
    /// </summary>
    public bool IsTransient => Initiator == WsCloseInitiator.Remote
        ? Code is not (CloseCode.NormalClosure or CloseCode.ProtocolError or CloseCode.UnsupportedData or CloseCode.InvalidPayloadData or CloseCode.PolicyViolation
            or CloseCode.MessageTooBig or CloseCode.MandatoryExtension or CloseCode.Unauthenticated)
        : Code != CloseCode.MessageTooBig;

    internal static WsDisconnect From(WsCloseInfo close) => new(close.Code, close.Reason, close.Initiator, close.Exception);

    internal static WsDisconnect From(Exception error) => new(0, error.Message, WsCloseInitiator.Local, error);
}
