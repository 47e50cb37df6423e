using System.Buffers;
using PipeWs.Messages;

namespace PipeWs.Server.Routing;

// Messages that are over a limit: they are answered, and not handled.
internal sealed partial class Router
{
    /// <summary>Whether a message of this type is JSON, which an error can answer.</summary>
    public bool CanAnswer(WsMessageType type) => type == WsMessageType.Text && _onText is null && _onTextParts is null;

    /// <summary>Answers a JSON message with an error, and with its id where it has one.</summary>
    public ValueTask RefuseMessageAsync(RequestContext context, in ReadOnlySequence<byte> payload, int code, string reason)
    {
        ReadOnlySpan<byte> message = context.Begin(payload, _names);
        EnvelopeReader.Read(message, _names, out context.Envelope, _validateUtf8);
        return RefuseAsync(context, new EnvelopeError(code, reason));
    }
}
