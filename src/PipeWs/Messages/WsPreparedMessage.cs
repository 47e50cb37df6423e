namespace PipeWs;

/// <summary>
/// A message encoded once, to be sent any number of times to any number of connections. Immutable and safe to use from any thread.
/// </summary>
public sealed class WsPreparedMessage
{
    private WsPreparedMessage(WsMessageType type, ReadOnlyMemory<byte> payload, WsSendOptions options)
    {
        Options = options;
        Type = type;
        Payload = payload;
    }

    /// <summary>The message's type.</summary>
    public WsMessageType Type { get; }

    /// <summary>The payload.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>What else was said about the message.</summary>
    public WsSendOptions Options { get; }

    /// <summary>Prepares a text message; <paramref name="utf8"/> is copied.</summary>
    public static WsPreparedMessage Text(ReadOnlySpan<byte> utf8, WsSendOptions options = default) => new(WsMessageType.Text, utf8.ToArray(), options);

    /// <summary>Prepares a text message.</summary>
    public static WsPreparedMessage Text(string text, WsSendOptions options = default) => new(WsMessageType.Text, System.Text.Encoding.UTF8.GetBytes(text), options);

    /// <summary>Prepares a binary message; <paramref name="payload"/> is copied.</summary>
    public static WsPreparedMessage Binary(ReadOnlySpan<byte> payload, WsSendOptions options = default) => new(WsMessageType.Binary, payload.ToArray(), options);
}
