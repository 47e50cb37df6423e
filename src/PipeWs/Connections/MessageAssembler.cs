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

    internal void Append(in ReadOnlySequence<byte> bytes)
    {
        int length = checked((int)bytes.Length);
        if (length == 0)
        {
            return;
        }

        if (_buffer is null || _buffer.Length - _length < length)
        {
            Grow(length);
        }

        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += length;
    }

    /// <summary>Gives room for more: what there is, or where there is none, as much again as was written; at first about what is asked for.</summary>
    internal Span<byte> GetRoom(int firstBytes)
    {
        if (_buffer is null || _buffer.Length == _length)
        {
            Grow(_buffer is null ? firstBytes : 1);
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

    private void Grow(int length)
    {
        int needed = checked(_length + length);
        int doubled = (int)Math.Min(Array.MaxLength, Math.Max(FirstBytes, 2L * _length));
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, doubled));
        if (_buffer is not null)
        {
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }
}
