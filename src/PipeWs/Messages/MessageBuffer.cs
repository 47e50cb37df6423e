using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace PipeWs.Messages;

/// <summary>
/// A growing buffer in which one message is put together before it is sent. Each thread keeps a few, so that a connection costs no memory
/// between its messages; whoever still waits for a send keeps his, and the thread takes another.
/// </summary>
#pragma warning disable CA1001 // The JSON writer owns nothing but this buffer; disposing it would flush what a failed serialization left.
internal sealed class MessageBuffer : IBufferWriter<byte>
#pragma warning restore CA1001
{
    private const int InitialBytes = 1024;

    // What a large message needed goes back to the pool; the thread keeps only what ordinary ones need.
    private const int MaxKeptBytes = 64 * 1024;

    // One is filled while another is open, as by an answer whose body was serialized first; the rest is reserve for handlers that move between threads.
    private const int MaxKeptBuffers = 4;

    [ThreadStatic]
    private static MessageBuffer? t_kept;

    [ThreadStatic]
    private static int t_keptCount;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(InitialBytes);
    private int _length;
    private bool _isRented = true;
    private MessageBuffer? _next;
    private Utf8JsonWriter? _writer;
    private JavaScriptEncoder? _writerEncoder;

    private MessageBuffer()
    {
    }

    /// <summary>What was written; valid until <see cref="Return"/>.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    /// <summary>Gives an empty buffer to this thread. It goes back by <see cref="Return"/>, once, on whatever thread.</summary>
    public static MessageBuffer Rent()
    {
        MessageBuffer? buffer = t_kept;
        if (buffer is null)
        {
            return new MessageBuffer();
        }

        t_kept = buffer._next;
        t_keptCount--;
        buffer._next = null;
        buffer._isRented = true;
        return buffer;
    }

    /// <summary>Forgets what was written and keeps the room.</summary>
    public void Clear() => _length = 0;

    /// <summary>Gives the buffer back; nothing may use what was written any more.</summary>
    public void Return()
    {
        Debug.Assert(_isRented, "A message buffer goes back once.");
        _isRented = false;
        _length = 0;
        if (t_keptCount >= MaxKeptBuffers || _bytes.Length > MaxKeptBytes)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
            return;
        }

        _next = t_kept;
        t_kept = this;
        t_keptCount++;
    }

    /// <summary>Writes text in UTF-8; halves of surrogate pairs become U+FFFD.</summary>
    public void WriteText(ReadOnlySpan<char> text)
    {
        Utf8.FromUtf16(text, GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length)), out _, out int written);
        Advance(written);
    }

    /// <summary>Writes a value as JSON, with the encoder that its options name.</summary>
    public void WriteJson<T>(T value, JsonTypeInfo<T> type)
    {
        JavaScriptEncoder? encoder = type.Options.Encoder;
        if (_writer is null || !ReferenceEquals(encoder, _writerEncoder))
        {
            _writer = new Utf8JsonWriter(this, new JsonWriterOptions { Encoder = encoder, SkipValidation = true });
            _writerEncoder = encoder;
        }
        else
        {
            _writer.Reset(this);
        }

        JsonSerializer.Serialize(_writer, value, type);
        _writer.Flush();
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_bytes.Length - _length));
        _length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _bytes.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _bytes.AsSpan(_length);
    }

    private void Ensure(int sizeHint)
    {
        int needed = Math.Max(sizeHint, 1);
        if (_bytes.Length - _length >= needed)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(checked(_length + needed), (int)Math.Min(2L * _bytes.Length, Array.MaxLength)));
        _bytes.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
