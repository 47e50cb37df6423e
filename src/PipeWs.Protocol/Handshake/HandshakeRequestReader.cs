using System.Buffers;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>How far <see cref="HandshakeRequestReader"/> has come.</summary>
public enum HandshakeReadStatus : byte
{
    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>The request is not for us; its bytes belong to whoever comes next.</summary>
    NotOurs,

    /// <summary>The head is whole and well-formed; <see cref="HandshakeRequestRules"/> judges it.</summary>
    Complete,

    /// <summary>The request is ours and cannot be read: <see cref="HandshakeRequestReader.Refusal"/> is the answer.</summary>
    Malformed,
}

/// <summary>
/// Reads a handshake's request from bytes as they come. Resumable and linear: it keeps its place, looks at each byte a fixed number of times however
/// the bytes are cut, and gives the same result for every way of cutting them. It consumes nothing, so that a request that is not ours can be handed on untouched.
/// No exception escapes for anything a peer can send. RFC 6455, section 4.2.1; RFC 9112.
/// </summary>
/// <remarks>
/// With paths it <em>sniffs</em>: the request is ours if its target names one of the paths and it asks for a WebSocket
/// (<see cref="HandshakeRequest.AsksForWebSocket"/>), or names one of the paths and then breaks the syntax or a limit, where two parsers might read two different
/// things. Whatever else it is, is not ours. Without paths every request is ours.
/// </remarks>
public sealed class HandshakeRequestReader
{
    private readonly HandshakePaths? _paths;
    private readonly HandshakeLimits _limits;
    private RequestSniffer _sniffer;
    private HeadScanner _scanner;
    private int _headersStart;
    private int _headers;
    private long _parsedBytes;
    private HandshakeReadStatus _status;

    /// <summary>Creates a reader for one request.</summary>
    /// <param name="paths">The paths to sniff for; null where every request is ours.</param>
    /// <param name="limits">The limits; null for the defaults.</param>
    public HandshakeRequestReader(HandshakePaths? paths = null, HandshakeLimits? limits = null)
    {
        _paths = paths;
        _limits = limits ?? HandshakeLimits.Default;
    }

    /// <summary>What the request said. Whole once <see cref="Read"/> gave <see cref="HandshakeReadStatus.Complete"/>.</summary>
    public HandshakeRequest Request { get; } = new();

    /// <summary>The answer to a request that cannot be read.</summary>
    public HandshakeRefusal Refusal { get; private set; }

    /// <summary>The head's length in bytes, its blank line included, once it is complete. What follows in the buffer are frames.</summary>
    public int HeadLengthBytes { get; private set; }

    /// <summary>How many bytes were looked at, each as often as it was.</summary>
    internal long ExaminedBytes => _sniffer.ExaminedBytes + _scanner.ExaminedBytes + _parsedBytes;

    /// <summary>Reads on.</summary>
    /// <param name="buffer">All the bytes of the connection so far, from the first on.</param>
    public HandshakeReadStatus Read(in ReadOnlySequence<byte> buffer)
    {
        if (_status != HandshakeReadStatus.Incomplete)
        {
            return _status;
        }

        if (_paths is not null && !_sniffer.IsOurs)
        {
            _sniffer.Sniff(buffer, _paths);
            if (!_sniffer.IsOurs)
            {
                return _status = _sniffer.IsNotOurs ? HandshakeReadStatus.NotOurs : HandshakeReadStatus.Incomplete;
            }
        }

        byte[]? rented = null;
        _status = ReadLines(buffer, ref rented);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return _status;
    }

    private HandshakeReadStatus ReadLines(in ReadOnlySequence<byte> buffer, ref byte[]? rented)
    {
        while (true)
        {
            bool inRequestLine = _headersStart == 0;
            int maxBytes = inRequestLine
                ? _limits.MaxRequestLineBytes
                : Math.Min(_limits.MaxHeaderLineBytes, _limits.MaxHeadersBytes - (_scanner.LineStart - _headersStart));
            switch (_scanner.Next(buffer, maxBytes, out int start, out int length))
            {
                case HeadScanResult.Incomplete:
                    return HandshakeReadStatus.Incomplete;
                case HeadScanResult.TooLong:
                    return Refuse(inRequestLine ? Refusals.RequestLineTooLong : HandshakeRefusal.HeadersTooLong);
                case HeadScanResult.Illegal:
                    return Refuse(HandshakeRefusal.IllegalByte);
            }

            if (!inRequestLine && length == 0)
            {
                HeadLengthBytes = _scanner.LineStart;
                return _paths is null || Request.AsksForWebSocket ? HandshakeReadStatus.Complete : HandshakeReadStatus.NotOurs;
            }

            ReadOnlySpan<byte> line = HeadScanner.GetLine(buffer, start, length, ref rented);
            _parsedBytes += length;
            HandshakeRefusal refusal = inRequestLine ? ReadRequestLine(line) : ReadHeader(line);
            if (refusal.IsRefused)
            {
                return Refuse(refusal);
            }
        }
    }

    private HandshakeRefusal ReadRequestLine(ReadOnlySpan<byte> text)
    {
        _headersStart = _scanner.LineStart;
        if (!RequestLine.TryParse(text, out RequestLine line))
        {
            return Refusals.BadRequestLine;
        }

        Request.Method = line.Method.SequenceEqual("GET"u8) ? HandshakeMethod.Get : HandshakeMethod.Other;
        Request.Version = line.Version;
        Request.TargetForm = line.TargetForm;
        Request.Path = _paths is not null && _paths.TryMatch(line.Path, out string? path) ? path : Encoding.ASCII.GetString(line.Path);
        Request.Query = Encoding.ASCII.GetString(line.Query);
        return default;
    }

    private HandshakeRefusal ReadHeader(ReadOnlySpan<byte> line)
    {
        if (++_headers > _limits.MaxHeaders)
        {
            return Refusals.TooManyHeaders;
        }

        if (line[0] is (byte)' ' or (byte)'\t')
        {
            return Refusals.FoldedHeader;
        }

        if (!HttpSyntax.TrySplitHeader(line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
        {
            return Refusals.BadHeader;
        }

        Request.AddHeader(name, value);
        return default;
    }

    private HandshakeReadStatus Refuse(HandshakeRefusal refusal)
    {
        Refusal = refusal;
        return HandshakeReadStatus.Malformed;
    }

    private static class Refusals
    {
        public static readonly HandshakeRefusal RequestLineTooLong = new(414, "The request line is too long.");
        public static readonly HandshakeRefusal TooManyHeaders = new(431, "There are too many headers.");
        public static readonly HandshakeRefusal BadRequestLine = HandshakeRefusal.BadRequest("The request line is not 'method target HTTP/1.1' (RFC 9112, 3).");
        public static readonly HandshakeRefusal FoldedHeader = HandshakeRefusal.BadRequest("A header is folded over several lines (RFC 9112, 5.2).");
        public static readonly HandshakeRefusal BadHeader = HandshakeRefusal.BadRequest("A header is not 'name: value' with nothing between name and colon (RFC 9112, 5.1).");
    }
}
