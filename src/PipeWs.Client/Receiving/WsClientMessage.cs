using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PipeWs.Client.Receiving;

namespace PipeWs.Client;

/// <summary>
/// A message that was received, in a pooled buffer of its reader's own: dispose it to give the buffer back. Disposing it again, or a copy of it, does nothing; what is not
/// disposed is collected as garbage. One that was disposed has no payload any more.
/// </summary>
public readonly struct WsClientMessage : IDisposable
{
    private readonly ReceivedMessage? _message;
    private readonly int _version;

    internal WsClientMessage(ReceivedMessage message)
    {
        _message = message;
        _version = message.Version;
    }

    /// <summary>Text, which is valid UTF-8, or binary.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public WsMessageType Type => Checked().Type;

    /// <summary>The payload, until <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public ReadOnlyMemory<byte> Payload => Checked().Payload;

    /// <summary>The payload as text.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public string GetText() => Encoding.UTF8.GetString(Payload.Span);

    /// <summary>Reads the payload as JSON.</summary>
    /// <exception cref="JsonException">It is not the JSON of such a value.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public T? GetJson<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Payload.Span, type);

    /// <summary>Gives the buffer back.</summary>
    public void Dispose() => _message?.Release(_version);

    /// <summary>The message's type and length.</summary>
    public override string ToString() => _message is not null && _message.Version == _version ? $"{_message.Type}, {_message.Payload.Length} bytes" : "disposed";

    private ReceivedMessage Checked()
    {
        ObjectDisposedException.ThrowIf(_message is null || _message.Version != _version, typeof(WsClientMessage));
        return _message;
    }
}
