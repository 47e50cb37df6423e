using System.Buffers;

namespace PipeWs;

/// <summary>
/// The one buffer in which a message is put together whose bytes do not lie together in the transport's: pooled, growing with what comes,
/// empty between messages.
/// </summary>
internal struct MessageAssembler
{
    private const int FirstBytes = 1024;

    private byte[]? _buffer;
    private int _length;

    /// <summary>The bytes so far; valid until <see cref="Release"/>.</summary>
    internal readonly ReadOnlySequence<byte> Message => _buffer is null ? default : new ReadOnlySequence<byte>(_buffer, 0, _length);

    /// <summary>
    /// Gives room for the next bytes of a message whose end is in sight. The room grows fourfold, so that a large message is moved seldom, but never beyond what was announced: who announces
    /// much and sends little holds no more than four times what was sent.
    /// </summary>
    /// <param name="length">How many bytes come now.</param>
    /// <param name="announcedBytes">How long the message is at least, with all frames so far.</param>
    internal Span<byte> GetRoom(int length, long announcedBytes)
    {
        if (_buffer is null || _buffer.Length - _length < length)
        {
            int needed = checked(_length + length);
            Grow(needed, Math.Min(4L * _length, announcedBytes));
        }

        return _buffer.AsSpan(_length, length);
    }

    /// <summary>Gives room for more: what there is, or where there is none, as much again as was written; at first about what is asked for.</summary>
    internal Span<byte> GetRoom(int firstBytes)
    {
        if (_buffer is null || _buffer.Length == _length)
        {
            Grow(checked(_length + (_buffer is null ? firstBytes : 1)), 2L * _length);
        }

        return _buffer.AsSpan(_length);
    }

    /// <summary>Keeps what was written into the room.</summary>
    internal void Advance(int bytes) => _length += bytes;

    internal void Release()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
            _length = 0;
        }
    }

    private void Grow(int needed, long wanted)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, (int)Math.Min(Array.MaxLength, Math.Max(FirstBytes, wanted))));
        if (_buffer is not null)
        {
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }
}
