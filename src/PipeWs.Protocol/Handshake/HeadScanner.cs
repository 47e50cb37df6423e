using System.Buffers;

namespace PipeWs.Protocol.Handshake;

/// <summary>What <see cref="HeadScanner.Next"/> found.</summary>
internal enum HeadScanResult
{
    /// <summary>The line is not complete yet.</summary>
    Incomplete,

    /// <summary>A whole line.</summary>
    Line,

    /// <summary>The line is longer than allowed.</summary>
    TooLong,

    /// <summary>A control character, or a CR or LF that is not part of CRLF.</summary>
    Illegal,
}

/// <summary>
/// Finds the lines of a request's or an answer's head in a buffer that grows and always starts at the head's first byte. It looks at every byte once,
/// however the bytes come, and sees an illegal one as soon as it is there. "A recipient ... MUST NOT treat a bare CR as a line terminator";
/// the bare LF, which it MAY accept, is the smugglers' favourite and is refused too. RFC 9112, section 2.2.
/// </summary>
internal struct HeadScanner
{
    private int _scanned;
    private bool _afterCarriageReturn;

    /// <summary>The offset of the line under way.</summary>
    public int LineStart { get; private set; }

    /// <summary>How many bytes were looked at so far, for the proof that it is linear.</summary>
    public long ExaminedBytes { get; private set; }

    /// <summary>Looks for the end of the line under way.</summary>
    /// <param name="buffer">The head so far, from its first byte.</param>
    /// <param name="maxBytes">The longest line allowed, without its CRLF.</param>
    /// <param name="start">Where the line starts.</param>
    /// <param name="length">Its length without CRLF.</param>
    public HeadScanResult Next(in ReadOnlySequence<byte> buffer, int maxBytes, out int start, out int length)
    {
        start = LineStart;
        length = 0;
        foreach (ReadOnlyMemory<byte> segment in buffer.Slice(_scanned))
        {
            ReadOnlySpan<byte> span = segment.Span;
            while (!span.IsEmpty)
            {
                if (_afterCarriageReturn)
                {
                    ExaminedBytes++;
                    if (span[0] != (byte)'\n')
                    {
                        return HeadScanResult.Illegal;
                    }

                    length = _scanned - 1 - LineStart;
                    _afterCarriageReturn = false;
                    _scanned++;
                    LineStart = _scanned;
                    return HeadScanResult.Line;
                }

                int hit = span.IndexOfAny(HttpSyntax.ControlBytes);
                int content = hit < 0 ? span.Length : hit;
                ExaminedBytes += content;
                _scanned += content;
                if (_scanned - LineStart > maxBytes)
                {
                    return HeadScanResult.TooLong;
                }

                if (hit < 0)
                {
                    break;
                }

                ExaminedBytes++;
                if (span[hit] != (byte)'\r')
                {
                    return HeadScanResult.Illegal;
                }

                _scanned++;
                _afterCarriageReturn = true;
                span = span[(hit + 1)..];
            }
        }

        return HeadScanResult.Incomplete;
    }

    /// <summary>A line as one span: in place where it lies in one segment, otherwise copied to <paramref name="rented"/>.</summary>
    public static ReadOnlySpan<byte> GetLine(in ReadOnlySequence<byte> buffer, int start, int length, ref byte[]? rented)
    {
        ReadOnlySpan<byte> first = buffer.FirstSpan;
        if (first.Length >= start + length)
        {
            return first.Slice(start, length);
        }

        ReadOnlySequence<byte> line = buffer.Slice(start, length);
        if (line.IsSingleSegment)
        {
            return line.FirstSpan;
        }

        if (rented is null || rented.Length < length)
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }

            rented = ArrayPool<byte>.Shared.Rent(length);
        }

        line.CopyTo(rented);
        return rented.AsSpan(0, length);
    }
}
