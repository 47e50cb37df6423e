using System.Text.Json.Serialization.Metadata;
using PipeWs.Messages;
using PipeWs.Server.Routing;

namespace PipeWs.Server;

/// <summary>Sends of strings and JSON, and answers of JSON, for every <see cref="IWsSender"/>. They encode into pooled buffers and allocate nothing of their own.</summary>
public static class WsSenderExtensions
{
    /// <summary>Sends a text message.</summary>
    /// <param name="sender">To whom.</param>
    /// <param name="text">The text; halves of surrogate pairs become U+FFFD.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog of a single connection; never breaks the connection.</param>
    public static ValueTask SendTextAsync(this IWsSender sender, string text, CancellationToken cancellationToken = default) =>
        sender.SendTextAsync(text, default, cancellationToken);

    /// <summary>Sends a text message of which something more is to be said.</summary>
    /// <param name="sender">To whom.</param>
    /// <param name="text">The text; halves of surrogate pairs become U+FFFD.</param>
    /// <param name="options">What is to be said.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog of a single connection; never breaks the connection.</param>
    public static ValueTask SendTextAsync(this IWsSender sender, string text, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sender);
        ArgumentNullException.ThrowIfNull(text);
        MessageBuffer buffer = MessageBuffer.Rent();
        buffer.WriteText(text);
        return buffer.SendAsync(sender, WsMessageType.Text, options, cancellationToken);
    }

    /// <summary>Sends a value as a JSON text message, without an envelope.</summary>
    /// <param name="sender">To whom.</param>
    /// <param name="value">The value.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog of a single connection; never breaks the connection.</param>
    public static ValueTask SendJsonAsync<T>(this IWsSender sender, T value, JsonTypeInfo<T> type, CancellationToken cancellationToken = default) =>
        sender.SendJsonAsync(value, type, default, cancellationToken);

    /// <summary>Sends a value as a JSON text message, without an envelope, of which something more is to be said.</summary>
    /// <param name="sender">To whom.</param>
    /// <param name="value">The value.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    /// <param name="options">What is to be said.</param>
    /// <param name="cancellationToken">Gives up waiting for room in the backlog of a single connection; never breaks the connection.</param>
    public static ValueTask SendJsonAsync<T>(this IWsSender sender, T value, JsonTypeInfo<T> type, WsSendOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sender);
        ArgumentNullException.ThrowIfNull(type);
        return Serialize(value, type).SendAsync(sender, WsMessageType.Text, options, cancellationToken);
    }

    /// <summary>Publishes a value as the <c>data</c> of a room's next message; see <see cref="IWsRoom.Publish"/>.</summary>
    /// <param name="room">The room.</param>
    /// <param name="data">The data.</param>
    /// <param name="type">How it is written, from a source-generated context.</param>
    /// <param name="options">Subject, conflation key and exceptions.</param>
    /// <returns>The message's sequence number; 0 where the room has neither members nor history and nothing was kept.</returns>
    public static long PublishJson<T>(this IWsRoom room, T data, JsonTypeInfo<T> type, WsPublishOptions options = default)
    {
        ArgumentNullException.ThrowIfNull(room);
        ArgumentNullException.ThrowIfNull(type);
        MessageBuffer buffer = Serialize(data, type);
        try
        {
            return room.Publish(buffer.Written, options);
        }
        finally
        {
            buffer.Return();
        }
    }

    /// <summary>Answers the request with a value as its body; see <see cref="WsMessageContext.ReplyAsync(string, ReadOnlyMemory{byte})"/>.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">The answer's type.</param>
    /// <param name="data">The body.</param>
    /// <param name="dataType">How it is written, from a source-generated context.</param>
    public static ValueTask ReplyJsonAsync<T>(this WsMessageContext context, string type, T data, JsonTypeInfo<T> dataType) => context.ReplyJsonAsync(type, data, dataType, default);

    /// <summary>Answers the request with a value as its body, and says something more about the answer.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">The answer's type.</param>
    /// <param name="data">The body.</param>
    /// <param name="dataType">How it is written, from a source-generated context.</param>
    /// <param name="options">What is to be said.</param>
    public static ValueTask ReplyJsonAsync<T>(this WsMessageContext context, string type, T data, JsonTypeInfo<T> dataType, WsSendOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(dataType);
        MessageBuffer buffer = Serialize(data, dataType);
        ValueTask replied;
        try
        {
            replied = options == default ? context.ReplyAsync(type, buffer.Written) : context.ReplyAsync(type, buffer.Written, options);
        }
        catch
        {
            buffer.Return();
            throw;
        }

        if (!replied.IsCompleted)
        {
            return ReplyAwaited(replied, buffer);
        }

        buffer.Return();
        return replied;
    }

    private static async ValueTask ReplyAwaited(ValueTask replied, MessageBuffer buffer)
    {
        try
        {
            await replied;
        }
        finally
        {
            buffer.Return();
        }
    }

    private static MessageBuffer Serialize<T>(T value, JsonTypeInfo<T> type)
    {
        MessageBuffer buffer = MessageBuffer.Rent();
        try
        {
            buffer.WriteJson(value, type);
            return buffer;
        }
        catch
        {
            buffer.Return();
            throw;
        }
    }
}
