using System.Buffers;
using System.Runtime.InteropServices;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// Each byte of a payload is touched once: it is unmasked, judged where it is text, and moved where its message is put together, in one pass.
public sealed partial class WsConnection
{
    /// <summary>Unmasks a whole message in place, where it is masked.</summary>
    /// <returns>Whether it is what its type says.</returns>
    private bool UnmaskWhole(Span<byte> message, WsMessageType type, uint key)
    {
        if (type == WsMessageType.Text)
        {
            return _isServer ? Utf8Validator.Unmask(message, key) : Utf8Validator.IsValid(message);
        }

        if (_isServer)
        {
            Masking.Apply(message, key);
        }

        return true;
    }

    /// <summary>Unmasks what came of the frame under way, in place.</summary>
    /// <returns><see langword="false"/> where it is text that cannot be UTF-8.</returns>
    private bool UnmaskAndValidate(in ReadOnlySequence<byte> payload, uint key, int offset)
    {
        foreach (ReadOnlyMemory<byte> segment in payload)
        {
            ReadOnlySpan<byte> bytes = segment.Span;
            if (_messageType != WsMessageType.Text)
            {
                Unmask(bytes, key, offset);
            }
            else if (!(_isServer ? Partial.Utf8.Unmask(bytes, WritableOf(bytes), key, offset) : Partial.Utf8.Append(bytes)))
            {
                return false;
            }

            offset = (offset + bytes.Length) & 3;
        }

        return true;
    }

    /// <summary>Moves what came of the frame under way to the assembled message, and unmasks it on the way.</summary>
    /// <returns><see langword="false"/> where it is text that cannot be UTF-8.</returns>
    private bool AssembleValid(in ReadOnlySequence<byte> payload)
    {
        int offset = Partial.FrameOffset;
        foreach (ReadOnlyMemory<byte> segment in payload)
        {
            ReadOnlySpan<byte> bytes = segment.Span;
            Span<byte> destination = Partial.Assembly.GetRoom(bytes.Length, Partial.MessageBytes);
            if (_messageType == WsMessageType.Text)
            {
                if (!TakeText(bytes, destination, offset))
                {
                    return false;
                }
            }
            else if (_isServer)
            {
                Masking.Apply(bytes, destination, Partial.FrameKey, offset);
            }
            else
            {
                bytes.CopyTo(destination);
            }

            Partial.Assembly.Advance(bytes.Length);
            offset = (offset + bytes.Length) & 3;
        }

        return true;
    }

    private bool TakeText(ReadOnlySpan<byte> bytes, Span<byte> destination, int offset)
    {
        if (_isServer)
        {
            return Partial.Utf8.Unmask(bytes, destination, Partial.FrameKey, offset);
        }

        bytes.CopyTo(destination);
        return Partial.Utf8.Append(bytes);
    }

    /// <summary>Unmasks in place.</summary>
    private void Unmask(ReadOnlySpan<byte> payload, uint key, int offset)
    {
        if (_isServer)
        {
            Masking.Apply(WritableOf(payload), key, offset);
        }
    }

    /// <summary>
    /// What was read, to be unmasked where it lies: the one method that makes it writable. Only for bytes that this call consumes, which nobody reads again.
    /// </summary>
    private static Span<byte> WritableOf(ReadOnlySpan<byte> payload) => MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(payload), payload.Length);
}
