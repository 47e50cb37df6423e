using System.Buffers;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>
/// Decides from the first bytes of a connection whether they can be a request for one of our paths, byte after byte, so that anything else
/// (another path, HTTP/2's preface, TLS, a protocol of its own) goes on at the first byte that tells.
/// </summary>
internal struct RequestSniffer
{
    // Longer ones than any registered method and than a host name with its port: whatever this is, it is not ours.
    private const int MaxMethodBytes = 24;
    private const int MaxAuthorityBytes = 300;

    private int _sniffed;
    private int _partStart;
    private State _state;
    private uint _possible;
    private bool _isGet;

    private enum State : byte
    {
        Method,
        TargetStart,
        Scheme,
        AfterSlash,
        Authority,
        Path,
        Asterisk,
        Ours,
        NotOurs,
    }

    /// <summary>Whether the request's target names one of our paths, or is <c>*</c>.</summary>
    public readonly bool IsOurs => _state == State.Ours;

    /// <summary>Whether it certainly is something else.</summary>
    public readonly bool IsNotOurs => _state == State.NotOurs;

    /// <summary>How many bytes were looked at.</summary>
    public readonly int ExaminedBytes => _sniffed;

    /// <summary>Goes on where it stopped. The buffer starts at the connection's first byte.</summary>
    public void Sniff(in ReadOnlySequence<byte> buffer, HandshakePaths paths)
    {
        foreach (ReadOnlyMemory<byte> segment in buffer.Slice(_sniffed))
        {
            foreach (byte b in segment.Span)
            {
                _state = Step(b, buffer, paths);
                _sniffed++;
                if (_state >= State.Ours)
                {
                    return;
                }
            }
        }
    }

    private State Step(byte b, in ReadOnlySequence<byte> buffer, HandshakePaths paths)
    {
        int length = _sniffed - _partStart;
        switch (_state)
        {
            case State.Method:
                if (b != (byte)' ')
                {
                    return HttpSyntax.IsTokenByte(b) && length < MaxMethodBytes ? State.Method : State.NotOurs;
                }

                _isGet = length == 3 && Equals(buffer, 0, "get"u8);
                _partStart = _sniffed + 1;
                return length > 0 ? State.TargetStart : State.NotOurs;

            case State.TargetStart:
                _possible = paths.All;
                return b switch
                {
                    (byte)'/' => State.AfterSlash,
                    (byte)'h' or (byte)'H' => State.Scheme,
                    (byte)'*' when _isGet => State.Asterisk,
                    _ => State.NotOurs,
                };

            case State.Scheme:
                if (b != (byte)'/')
                {
                    return length < "https:/".Length ? State.Scheme : State.NotOurs;
                }

                if (Equals(buffer, _partStart, "http:/"u8, length) || Equals(buffer, _partStart, "https:/"u8, length))
                {
                    _partStart = _sniffed + 1;
                    return State.Authority;
                }

                return length <= "https:".Length ? State.Scheme : State.NotOurs;

            case State.AfterSlash when b == (byte)'/':
                _partStart = _sniffed + 1;
                return State.Authority;

            case State.Authority:
                if (b == (byte)'/')
                {
                    _partStart = _sniffed;
                    return State.Path;
                }

                return b is > (byte)' ' and < 0x7F && length < MaxAuthorityBytes ? State.Authority : State.NotOurs;

            case State.AfterSlash or State.Path:
                if (b is (byte)' ' or (byte)'?' or (byte)'#')
                {
                    return paths.IsMatch(_possible, length) ? State.Ours : State.NotOurs;
                }

                // The slash at offset 0 needs no look: every path starts with one.
                _possible = paths.Narrow(_possible, length, b);
                return _possible != 0 ? State.Path : State.NotOurs;

            case State.Asterisk:
                return b == (byte)' ' ? State.Ours : State.NotOurs;

            default:
                return _state;
        }
    }

    private static bool Equals(in ReadOnlySequence<byte> buffer, int start, ReadOnlySpan<byte> text, int length = -1)
    {
        if (length >= 0 && length != text.Length)
        {
            return false;
        }

        Span<byte> copy = stackalloc byte[8];
        copy = copy[..text.Length];
        buffer.Slice(start, text.Length).CopyTo(copy);
        return Ascii.EqualsIgnoreCase(copy, text);
    }
}
