using System.Buffers;
using System.Globalization;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>
/// Reads a server's answer to a handshake from bytes as they come, as <see cref="HandshakeRequestReader"/> reads requests: resumable, linear, within limits, without an
/// exception for anything a server can send. Of a refusal it also reads the start of the body, for the error message.
/// </summary>
public sealed class HandshakeResponseReader
{
    private const int MaxExcerptBytes = 256;

    /// <summary>More interim answers than any server has reason to send.</summary>
    private const int MaxInterim = 8;

    private readonly HandshakeLimits _limits;
    private HeadScanner _scanner;
    private byte[]? _rented;
    private int _headersStart;
    private int _headers;
    private int _interim;
    private HandshakeReadStatus _status;

    /// <summary>Creates a reader for one answer.</summary>
    /// <param name="limits">The limits; null for the defaults.</param>
    public HandshakeResponseReader(HandshakeLimits? limits = null)
    {
        _limits = limits ?? HandshakeLimits.Default;
    }

    /// <summary>What the answer said. Whole once <see cref="Read"/> gave <see cref="HandshakeReadStatus.Complete"/>; <see cref="HandshakeResponseRules"/> judges it.</summary>
    public HandshakeResponse Response { get; private set; } = new();

    /// <summary>What is wrong with an answer that cannot be read, in plain words.</summary>
    public string Error { get; private set; } = "";

    /// <summary>The head's length in bytes, its blank line and interim answers before it included, once it is complete. After a 101, what follows are frames.</summary>
    public int HeadLengthBytes { get; private set; }

    /// <summary>Reads on.</summary>
    /// <param name="buffer">All the bytes of the connection so far, from the first on.</param>
    /// <param name="isCompleted">Whether the server will send no more.</param>
    /// <returns><see cref="HandshakeReadStatus.Incomplete"/>, <see cref="HandshakeReadStatus.Complete"/> or <see cref="HandshakeReadStatus.Malformed"/>.</returns>
    public HandshakeReadStatus Read(in ReadOnlySequence<byte> buffer, bool isCompleted)
    {
        if (_status != HandshakeReadStatus.Incomplete)
        {
            return _status;
        }

        if (HeadLengthBytes == 0)
        {
            _status = ReadLines(buffer);
            if (_rented is not null)
            {
                ArrayPool<byte>.Shared.Return(_rented);
                _rented = null;
            }
        }

        if (_status == HandshakeReadStatus.Incomplete && HeadLengthBytes > 0)
        {
            _status = ReadExcerpt(buffer, isCompleted);
        }

        return _status == HandshakeReadStatus.Incomplete && isCompleted
            ? Fail("The server closed the connection in the middle of the handshake.")
            : _status;
    }

    private HandshakeReadStatus ReadLines(in ReadOnlySequence<byte> buffer)
    {
        while (true)
        {
            bool inStatusLine = _headersStart == 0;
            int maxBytes = inStatusLine
                ? _limits.MaxRequestLineBytes
                : Math.Min(_limits.MaxHeaderLineBytes, _limits.MaxHeadersBytes - (_scanner.LineStart - _headersStart));
            switch (_scanner.Next(buffer, maxBytes, out int start, out int length))
            {
                case HeadScanResult.Incomplete:
                    return HandshakeReadStatus.Incomplete;
                case HeadScanResult.TooLong:
                    return Fail("The server's answer has a header, or headers together, too long to be read.");
                case HeadScanResult.Illegal:
                    return Fail("The server's answer is not HTTP: it holds a control character, or a line that does not end with CR LF.");
            }

            if (!inStatusLine && length == 0)
            {
                if (Response.StatusCode is >= 100 and < 200 and not 101)
                {
                    // "A client MUST be able to parse one or more 1xx responses received prior to a final response" (RFC 9110, 15.2).
                    if (++_interim > MaxInterim)
                    {
                        return Fail($"The server sent more than {MaxInterim} interim answers (1xx), and none that is final.");
                    }

                    Response = new HandshakeResponse();
                    _headersStart = 0;
                    _headers = 0;
                    continue;
                }

                HeadLengthBytes = _scanner.LineStart;
                return HandshakeReadStatus.Incomplete;
            }

            ReadOnlySpan<byte> line = HeadScanner.GetLine(buffer, start, length, ref _rented);
            if (inStatusLine ? !TryReadStatusLine(line) : !TryReadHeader(line))
            {
                return Fail(inStatusLine ? "The server's answer is not HTTP/1." : "The server's answer has too many headers, or a malformed one.");
            }
        }
    }

    // status-line = "HTTP/1." DIGIT SP 3DIGIT SP [ reason ]; the last space is often forgotten. RFC 9112, section 4.
    private bool TryReadStatusLine(ReadOnlySpan<byte> line)
    {
        _headersStart = _scanner.LineStart;
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || !char.IsAsciiDigit((char)line[7]) || line[8] != (byte)' ' || (line.Length > 12 && line[12] != (byte)' '))
        {
            return false;
        }

        if (!int.TryParse(line.Slice(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out int status) || status < 100)
        {
            return false;
        }

        Response.IsHttp11 = line[7] == (byte)'1';
        Response.StatusCode = status;
        Response.ReasonPhrase = line.Length > 13 ? Encoding.Latin1.GetString(line[13..]) : "";
        return true;
    }

    private bool TryReadHeader(ReadOnlySpan<byte> line)
    {
        if (++_headers > _limits.MaxHeaders || !HttpSyntax.TrySplitHeader(line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
        {
            return false;
        }

        Response.AddHeader(name, value);
        return true;
    }

    private HandshakeReadStatus ReadExcerpt(in ReadOnlySequence<byte> buffer, bool isCompleted)
    {
        if (Response.StatusCode == 101)
        {
            return HandshakeReadStatus.Complete;
        }

        // Without a length the body ends with the connection: what came with the head must do.
        long available = buffer.Length - HeadLengthBytes;
        long wanted = Math.Min(Response.ContentLength ?? available, MaxExcerptBytes);
        if (available < wanted && !isCompleted)
        {
            return HandshakeReadStatus.Incomplete;
        }

        string text = Encoding.UTF8.GetString(buffer.Slice(HeadLengthBytes, Math.Min(wanted, available)));
        Response.BodyExcerpt = string.Concat(text.Select(static c => char.IsControl(c) ? ' ' : c)).Trim();
        return HandshakeReadStatus.Complete;
    }

    private HandshakeReadStatus Fail(string error)
    {
        Error = error;
        return _status = HandshakeReadStatus.Malformed;
    }
}
