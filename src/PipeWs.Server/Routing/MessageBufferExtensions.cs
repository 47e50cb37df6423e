using PipeWs.Messages;

namespace PipeWs.Server.Routing;

internal static class MessageBufferExtensions
{
    /// <summary>Sends what was written and gives the buffer back as soon as it may change.</summary>
    public static ValueTask SendAsync(this MessageBuffer buffer, IWsSender sender, WsMessageType type, CancellationToken cancellationToken) =>
        buffer.SendAsync(sender, type, default, cancellationToken);

    /// <inheritdoc cref="SendAsync(MessageBuffer, IWsSender, WsMessageType, CancellationToken)"/>
    public static ValueTask SendAsync(this MessageBuffer buffer, IWsSender sender, WsMessageType type, WsSendOptions options, CancellationToken cancellationToken)
    {
        ValueTask sent;
        try
        {
            sent = options == default ? sender.SendAsync(buffer.Written, type, cancellationToken) : sender.SendAsync(buffer.Written, type, options, cancellationToken);
        }
        catch
        {
            buffer.Return();
            throw;
        }

        if (!sent.IsCompleted)
        {
            return SendAwaited(sent, buffer);
        }

        buffer.Return();
        return sent;
    }

    private static async ValueTask SendAwaited(ValueTask sent, MessageBuffer buffer)
    {
        try
        {
            await sent;
        }
        finally
        {
            buffer.Return();
        }
    }
}
