using PipeWs.Client.Diagnostics;

namespace PipeWs.Client;

// What the client tells of itself.
public sealed partial class WsClient
{
    internal void OnPong(TimeSpan roundTrip)
    {
        if (_events.Wants(WsClientEventKinds.PongReceived))
        {
            _events.Publish(new WsPongReceivedEvent(roundTrip));
        }
    }

    private void ReportError(Exception error)
    {
        ClientLog.Error(_logger, Name, error.Message, error);
        if (_events.Wants(WsClientEventKinds.ErrorReceived))
        {
            _events.Publish(new WsErrorReceivedEvent(error.Message, error));
        }
    }

    private void ReportCallbackError(string callback, Exception error)
    {
        ClientLog.CallbackFailed(_logger, Name, callback, error);
        if (_events.Wants(WsClientEventKinds.CallbackError))
        {
            _events.Publish(new WsCallbackErrorEvent(callback, error));
        }
    }

    private void OnWriteBufferFull(WsBufferFullMode mode, int count)
    {
        if (_events.Wants(WsClientEventKinds.WriteBufferFull))
        {
            _events.Publish(new WsWriteBufferFullEvent(mode, count));
        }
    }
}
