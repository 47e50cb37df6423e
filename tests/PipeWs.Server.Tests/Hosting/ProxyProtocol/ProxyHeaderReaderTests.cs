using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hosting.ProxyProtocol;

/// <summary>The header of the PROXY protocol, byte for byte.</summary>
public sealed class ProxyHeaderReaderTests
{
    private const string Signature = "0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A ";

    /// <summary>Headers, and whom they name; an empty address where nobody.</summary>
    public static TheoryData<string, string, string> Good => new()
    {
        { Line("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), "192.0.2.1:56324", "198.51.100.2:443" },
        { Line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535", "255.255.255.255:65535" },
        { Line("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0:0", "0.0.0.0:0" },
        { Line("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "[2001:db8::1]:1", "[::1]:2" },
        { Line("PROXY TCP6 ffff:f:f:f:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), "[ffff:f:f:f:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
        { Line("PROXY UNKNOWN\r\n"), "", "" },
        { Line("PROXY UNKNOWN ffff:f:f:f:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), "", "" },
        { Signature + "21 11 00 0C C0 00 02 01 C6 33 64 02 DC 04 01 BB", "192.0.2.1:56324", "198.51.100.2:443" },
        { Signature + "21 21 00 24 20010DB8000000000000000000000001 00000000000000000000000000000001 0001 0002", "[2001:db8::1]:1", "[::1]:2" },

        // A TLV behind the addresses (PP2_TYPE_NOOP), datagrams, a proxy that speaks for itself, nothing that is known, and one that is known but has no path.
        { Signature + "21 11 00 13 C0 00 02 01 C6 33 64 02 DC 04 01 BB 04 00 04 00 00 00 00", "192.0.2.1:56324", "198.51.100.2:443" },
        { Signature + "21 12 00 0C C0 00 02 01 C6 33 64 02 DC 04 01 BB", "192.0.2.1:56324", "198.51.100.2:443" },
        { Signature + "20 00 00 00", "", "" },
        { Signature + "20 11 00 0C C0 00 02 01 C6 33 64 02 DC 04 01 BB", "", "" },
        { Signature + "21 00 00 00", "", "" },
        { Signature + "21 00 00 03 01 02 03", "", "" },
        { Signature + "21 31 00 D8 " + Unix("/run/client") + Unix("/run/server"), "/run/client", "/run/server" },
        { Signature + "21 31 00 D8 " + Unix("") + Unix("\0abstract"), "", "" },
        { Signature + "21 31 00 D8 " + string.Concat(Enumerable.Repeat("FF", 107)) + "00" + Unix("/run/server"), "", "/run/server" }, // not text
    };

    public static TheoryData<string> Bad =>
    [
        Line("proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n"),
        Line("GET / HTTP/1.1\r\n"),
        Line("PROXY\r\n"),
        Line("PROXY \r\n"),
        Line("PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 2x\r\n"),
        Line("PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 192.0.2.010 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 3221225985 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 0xC0.0.2.1 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 256.0.2.1 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP4 2001:db8::1 ::1 1 2\r\n"),
        Line("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"),
        Line("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"),
        Line("PROXY TCP6 [::1] ::1 1 2\r\n"),
        Line("PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n"),
        Line("PROXY UNKNOWNS\r\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n"),
        Line("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n"),
        Line("PROXY UNKNOWN " + new string('x', 200) + "\r\n"),
        Line("PROXY UNKNOWN " + new string('x', ProxyHeaderReader.MaxLineBytes - 15) + "\r\n"),
        "00",
        "0D 0A 0D 0B",
        Signature + "11",
        Signature + "31",
        Signature + "22",
        Signature + "21 41",
        Signature + "21 13",
        Signature + "21 11 00 0B",
        Signature + "21 21 00 23",
        Signature + "21 31 00 D7",
        Signature + "21 11 10 01",
        Signature + "20 00 FF FF",
    ];

    [Theory]
    [MemberData(nameof(Good))]
    public void A_header_names_the_client_however_its_bytes_come(string hex, string source, string destination)
    {
        byte[] bytes = Hex(hex);
        byte[] withMore = [.. bytes, .. "GET /ws HTTP/1.1\r\n"u8];
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(cut < bytes.Length ? ProxyReadStatus.Incomplete : ProxyReadStatus.Complete, ProxyHeaderReader.Read(new ReadOnlySequence<byte>(bytes, 0, cut), out _));
            Assert.Equal(ProxyReadStatus.Complete, ProxyHeaderReader.Read(Segments(withMore, cut), out ProxyHeader header));
            Assert.Equal((bytes.Length, source, destination), (header.LengthBytes, Words(header.Source), Words(header.Destination)));
            Assert.Equal(hex.StartsWith("50", StringComparison.Ordinal) ? 1 : 2, header.Version);
        }
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_is_no_header_is_refused_however_its_bytes_come(string hex)
    {
        byte[] bytes = Hex(hex);
        bool refused = false;
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            ProxyReadStatus sofar = ProxyHeaderReader.Read(new ReadOnlySequence<byte>(bytes, 0, cut), out _);
            Assert.NotEqual(ProxyReadStatus.Complete, sofar);

            // Once refused, no further byte makes it good.
            Assert.False(refused && sofar != ProxyReadStatus.Malformed);
            refused = sofar == ProxyReadStatus.Malformed;
            Assert.Equal(ProxyReadStatus.Malformed, ProxyHeaderReader.Read(Segments(bytes, cut), out _));
        }

        Assert.True(refused);
    }

    [Fact]
    public void Random_bytes_are_read_alike_in_one_piece_and_in_many_and_never_beyond_the_bounds()
    {
        var random = new Random(1);
        byte[] signature = Hex(Signature);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(1, 60)];
            random.NextBytes(bytes);
            (round % 3 == 0 ? signature : round % 3 == 1 ? Encoding.ASCII.GetBytes("PROXY TCP4 ") : []).AsSpan(0, Math.Min(bytes.Length, round % 3 == 2 ? 0 : 11)).CopyTo(bytes);
            ProxyReadStatus whole = ProxyHeaderReader.Read(new ReadOnlySequence<byte>(bytes), out ProxyHeader header);
            Assert.Equal(whole, ProxyHeaderReader.Read(Segments(bytes, random.Next(bytes.Length)), out ProxyHeader again));
            Assert.Equal(header, again);
            Assert.InRange(header.LengthBytes, 0, bytes.Length);
        }
    }

    [Fact]
    public void Lengths_are_bounded()
    {
        byte[] longest = [.. Hex(Signature + "20 00 10 00"), .. new byte[4096]];
        Assert.Equal(ProxyReadStatus.Complete, ProxyHeaderReader.Read(new ReadOnlySequence<byte>(longest), out ProxyHeader header));
        Assert.Equal(ProxyHeaderReader.MaxBinaryBytes, header.LengthBytes);
    }

    private static string Words(EndPoint? endPoint) => endPoint is UnixDomainSocketEndPoint unix ? unix.ToString() : endPoint?.ToString() ?? "";

    private static string Line(string text) => Convert.ToHexString(Encoding.ASCII.GetBytes(text));

    private static string Unix(string path) => Convert.ToHexString(Encoding.UTF8.GetBytes(path.PadRight(108, '\0')));

    private static ReadOnlySequence<byte> Segments(byte[] bytes, int cut)
    {
        var first = new Segment(bytes.AsMemory(0, cut), 0);
        Segment last = first;
        for (int i = cut; i < bytes.Length; i += 5)
        {
            last = last.Append(bytes.AsMemory(i, Math.Min(5, bytes.Length - i)));
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
