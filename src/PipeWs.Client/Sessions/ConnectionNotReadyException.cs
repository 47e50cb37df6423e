namespace PipeWs.Client.Sessions;

/// <summary>A connection was opened and ended before it was ready: its close code still says whether to try again.</summary>
internal sealed class ConnectionNotReadyException(string message, WsDisconnect disconnect, Exception? innerException) : WsDialException(message, innerException)
{
    public WsDisconnect Disconnect { get; } = disconnect;
}
