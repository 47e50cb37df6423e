using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Unicode;

namespace PipeWs.Server;

/// <summary>
/// Reads the header that a proxy sends before the client's first byte (The PROXY protocol, versions 1 and 2, 2020). Nothing of it is guessed: what is not exactly a
/// header is malformed, as soon as a byte says so. Holds no state: it looks from the start each time, at no more than the header's own length.
/// </summary>
/// <remarks>
/// Version 2:
/// <code>
///  0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | version, command | family, protocol | length (2) | addresses, then TLVs (length bytes)
/// </code>
/// </remarks>
internal static class ProxyHeaderReader
{
    /// <summary>The longest line of version 1, its end included (section 2.1).</summary>
    public const int MaxLineBytes = 107;

    /// <summary>The longest header of version 2 that is accepted. Addresses take at most 216 bytes of it, the rest is TLVs, which nobody here asks for.</summary>
    public const int MaxBinaryBytes = BinaryHeadBytes + 4096;

    private const int BinaryHeadBytes = 16;
    private const int UnixAddressBytes = 108;

    private static ReadOnlySpan<byte> LineStart => "PROXY "u8;

    private static ReadOnlySpan<byte> Signature => [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    /// <summary>Looks at what has come so far.</summary>
    public static ProxyReadStatus Read(in ReadOnlySequence<byte> buffer, out ProxyHeader header)
    {
        header = default;
        if (buffer.IsEmpty)
        {
            return ProxyReadStatus.Incomplete;
        }

        Span<byte> start = stackalloc byte[MaxLineBytes + UnixAddressBytes * 2];
        start = start[..(int)Math.Min(start.Length, buffer.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        return start[0] == LineStart[0] ? ReadLine(start, out header) : ReadBinary(start, buffer.Length, out header);
    }

    private static ProxyReadStatus ReadLine(ReadOnlySpan<byte> start, out ProxyHeader header)
    {
        header = default;
        start = start[..Math.Min(start.Length, MaxLineBytes)];
        if (!IsPrefix(start, LineStart))
        {
            return ProxyReadStatus.Malformed;
        }

        int end = start.IndexOfAny((byte)'\r', (byte)'\n');
        if (end < 0 || (end == start.Length - 1 && start[end] == (byte)'\r'))
        {
            return start.Length < MaxLineBytes ? ProxyReadStatus.Incomplete : ProxyReadStatus.Malformed;
        }

        if (start[end] != (byte)'\r' || start[end + 1] != (byte)'\n')
        {
            return ProxyReadStatus.Malformed;
        }

        // "The receiver must ignore anything presented before the CRLF is found" behind UNKNOWN.
        ReadOnlySpan<byte> line = start[LineStart.Length..end];
        header = new ProxyHeader(1, null, null, end + 2);
        return line.SequenceEqual("UNKNOWN"u8) || line.StartsWith("UNKNOWN "u8) || TryReadAddresses(line, ref header)
            ? ProxyReadStatus.Complete
            : ProxyReadStatus.Malformed;
    }

    private static bool TryReadAddresses(ReadOnlySpan<byte> line, ref ProxyHeader header)
    {
        Span<Range> words = stackalloc Range[5];
        int count = 0;
        foreach (Range word in line.Split((byte)' '))
        {
            if (count == words.Length)
            {
                return false;
            }

            words[count++] = word;
        }

        if (count != words.Length)
        {
            return false;
        }

        AddressFamily family = line[words[0]].SequenceEqual("TCP4"u8) ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        if ((family == AddressFamily.InterNetworkV6 && !line[words[0]].SequenceEqual("TCP6"u8))
            || !TryReadAddress(line[words[1]], family, out IPAddress? source)
            || !TryReadAddress(line[words[2]], family, out IPAddress? destination)
            || !TryReadPort(line[words[3]], out int sourcePort)
            || !TryReadPort(line[words[4]], out int destinationPort))
        {
            return false;
        }

        header = header with { Source = new IPEndPoint(source!, sourcePort), Destination = new IPEndPoint(destination!, destinationPort) };
        return true;
    }

    private static bool TryReadAddress(ReadOnlySpan<byte> text, AddressFamily family, out IPAddress? address)
    {
        // The parser knows more notations than the protocol: octal parts, fewer than four of them, scopes, brackets.
        address = null;
        ReadOnlySpan<byte> allowed = family == AddressFamily.InterNetwork ? "0123456789."u8 : "0123456789abcdefABCDEF:."u8;
        return !text.ContainsAnyExcept(allowed)
            && IPAddress.TryParse(text, out address)
            && address.AddressFamily == family
            && (family == AddressFamily.InterNetworkV6 || Encoding.ASCII.GetString(text) == address.ToString());
    }

    private static bool TryReadPort(ReadOnlySpan<byte> text, out int port)
    {
        port = 0;
        if (text.Length is 0 or > 5 || (text[0] == (byte)'0' && text.Length > 1))
        {
            return false;
        }

        foreach (byte digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            port = (port * 10) + (digit - '0');
        }

        return port <= ushort.MaxValue;
    }

    private static ProxyReadStatus ReadBinary(ReadOnlySpan<byte> start, long available, out ProxyHeader header)
    {
        header = default;
        if (!IsPrefix(start, Signature))
        {
            return ProxyReadStatus.Malformed;
        }

        // "The receiver must abort the connection" for any other version or command, and drop it for families and protocols that are not assigned (section 2.2).
        if (start.Length > 12 && start[12] is not (0x20 or 0x21))
        {
            return ProxyReadStatus.Malformed;
        }

        if (start.Length > 13 && (start[13] >> 4 > 3 || (start[13] & 0xF) > 2))
        {
            return ProxyReadStatus.Malformed;
        }

        if (start.Length < BinaryHeadBytes)
        {
            return ProxyReadStatus.Incomplete;
        }

        bool isLocal = start[12] == 0x20;
        int length = BinaryPrimitives.ReadUInt16BigEndian(start[14..]);
        int family = start[13] >> 4;
        int needed = isLocal ? 0 : family switch { 1 => 12, 2 => 36, 3 => UnixAddressBytes * 2, _ => 0 };
        if (length < needed || length > MaxBinaryBytes - BinaryHeadBytes)
        {
            return ProxyReadStatus.Malformed;
        }

        if (available < BinaryHeadBytes + length)
        {
            return ProxyReadStatus.Incomplete;
        }

        header = new ProxyHeader(2, null, null, BinaryHeadBytes + length);
        if (needed > 0)
        {
            ReadOnlySpan<byte> addresses = start.Slice(BinaryHeadBytes, needed);
            header = family switch
            {
                1 => header with { Source = ReadEndPoint(addresses, 0, 4, 8), Destination = ReadEndPoint(addresses, 4, 4, 10) },
                2 => header with { Source = ReadEndPoint(addresses, 0, 16, 32), Destination = ReadEndPoint(addresses, 16, 16, 34) },
                _ => header with { Source = ReadUnix(addresses[..UnixAddressBytes]), Destination = ReadUnix(addresses[UnixAddressBytes..]) },
            };
        }

        return ProxyReadStatus.Complete;
    }

    private static IPEndPoint ReadEndPoint(ReadOnlySpan<byte> addresses, int start, int length, int port) =>
        new(new IPAddress(addresses.Slice(start, length)), BinaryPrimitives.ReadUInt16BigEndian(addresses[port..]));

    /// <summary>A path, which ends at its first NUL; null where it is empty, abstract, or not text: a replacement for what is not would be longer than a path may be.</summary>
    private static UnixDomainSocketEndPoint? ReadUnix(ReadOnlySpan<byte> address)
    {
        int end = address.IndexOf((byte)0);
        ReadOnlySpan<byte> path = end < 0 ? address : address[..end];
        return path.IsEmpty || path.Length >= UnixAddressBytes || !Utf8.IsValid(path) ? null : new UnixDomainSocketEndPoint(Encoding.UTF8.GetString(path));
    }

    /// <summary>Whether the two agree as far as both go.</summary>
    private static bool IsPrefix(ReadOnlySpan<byte> start, ReadOnlySpan<byte> expected)
    {
        int length = Math.Min(start.Length, expected.Length);
        return start[..length].SequenceEqual(expected[..length]);
    }
}
