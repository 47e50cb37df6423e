namespace PipeWs.Protocol.Compression;

/// <summary>How far <see cref="MessageInflater.Inflate"/> has come.</summary>
public enum InflateStatus : byte
{
    /// <summary>All the bytes were used, and all that they say was written.</summary>
    NeedsInput,

    /// <summary>The room was used up; there may be more to write.</summary>
    NeedsRoom,

    /// <summary>The bytes are not deflate, or go back farther than there are bytes: the connection fails with 1007. The inflater is of no use until <see cref="MessageInflater.Reset"/>.</summary>
    Invalid,
}

/// <summary>
/// Inflates the messages of one direction of a connection, cut anywhere, into room that the caller gives, so that it is the caller who says how large a message may become.
/// For one thread at a time. RFC 7692, section 7.2.2.
/// </summary>
public sealed class MessageInflater : IDisposable
{
    private readonly ZLibHandle _state;

    // Whether a stream ended with the last byte used: a block with BFINAL.
    private bool _atStreamEnd;

    /// <summary>Creates an inflater.</summary>
    /// <param name="windowBits">
    /// The window's bits, 8 to 15. Below 15, what points back farther than the window is not sure to be invalid: it passes where the bytes are still in the room it is given.
    /// </param>
    public MessageInflater(int windowBits = DeflateParameters.MaxWindowBits)
    {
        _state = ZLibHandle.ForInflate(DeflateParameters.Checked(windowBits));
    }

    // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message" (RFC 7692, section 7.2.2), then one more empty block and one byte.
    private static ReadOnlySpan<byte> End => [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0x00];

    /// <summary>Inflates the next bytes of a message.</summary>
    /// <param name="source">The bytes, unmasked.</param>
    /// <param name="destination">Room for what they say.</param>
    /// <param name="consumed">How many bytes were used.</param>
    /// <param name="written">How many bytes were written.</param>
    public InflateStatus Inflate(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        consumed = written = 0;
        while (written < destination.Length)
        {
            int result = _state.Run(source[consumed..], destination[written..], ZLib.SyncFlush, out int used, out int inflated);
            consumed += used;
            written += inflated;
            _atStreamEnd &= used == 0;
            switch (result)
            {
                case ZLib.StreamEnd:
                    // "an endpoint MAY" end a stream within a message, and the next block begins another (RFC 7692, section 7.2.3.4).
                    _state.ResetInflate();
                    _atStreamEnd = true;
                    break;
                case ZLib.NoError or ZLib.BufferError:
                    break;
                default:
                    return InflateStatus.Invalid;
            }

            if (consumed == source.Length && (written < destination.Length || _atStreamEnd))
            {
                return InflateStatus.NeedsInput;
            }
        }

        return InflateStatus.NeedsRoom;
    }

    /// <summary>Ends a message, after all its bytes were used and all that they say was written.</summary>
    /// <returns><see langword="false"/> where the bytes stop before their end: the connection fails with 1007. The inflater is of no use until <see cref="Reset"/>.</returns>
    /// <remarks>
    /// The four bytes that every sender leaves away must be the rest of an empty block, say nothing, and leave not one bit over. zlib does not tell how many bits it still holds:
    /// it is asked to stop at the end of a block, and a second empty block follows. It stops behind that too, and says nothing, only if it began on a byte's border.
    /// The block that lacked the four bytes may be its stream's last ("an endpoint MAY" set BFINAL, section 7.2.3.4): there the stream ends, and the second block is not looked at.
    /// </remarks>
    public bool TryEndMessage()
    {
        if (_atStreamEnd)
        {
            _atStreamEnd = false;
            return true;
        }

        if (!TryStopAfter(End, 4, out _))
        {
            return false;
        }

        if (TryStopAfter(End[4..], 5, out bool streamEnded))
        {
            return true;
        }

        if (streamEnded)
        {
            _state.ResetInflate();
        }

        return streamEnded;
    }

    /// <summary>Forgets the messages so far, as before each one where the peer does not keep its context.</summary>
    public void Reset()
    {
        _atStreamEnd = false;
        _state.ResetInflate();
    }

    /// <inheritdoc/>
    public void Dispose() => _state.Dispose();

    private bool TryStopAfter(ReadOnlySpan<byte> source, int length, out bool streamEnded)
    {
        Span<byte> room = stackalloc byte[1];
        int result = _state.Run(source, room, ZLib.Block, out int used, out int inflated);
        streamEnded = result == ZLib.StreamEnd && used == 0 && inflated == 0;
        return result == ZLib.NoError && used == length && inflated == 0;
    }
}
