using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using PipeWs.Fuzz.Engine;
using PipeWs.Server;
using PipeWs.Shared;

namespace PipeWs.Fuzz.Targets;

/// <summary>PROXY headers. Oracles: the same bytes cut in another way, every shorter piece of them, and a plain reading of what is accepted. First byte: how the bytes are cut.</summary>
internal sealed class ProxyTarget : FuzzTarget
{
    private static readonly byte[] s_signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    public override string Name => "proxy";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. ((string[])["PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", "\n", " ", "1.2.3.4", "255.255.255.255", "::1", "::ffff:1.2.3.4", "65535", "0", "%eth0"]).Select(Encoding.ASCII.GetBytes),
        s_signature, [0x21, 0x11, 0, 12], [0x21, 0x21, 0, 36], [0x21, 0x31, 0, 216], [0x20, 0x00, 0, 0],
    ];

    public override IEnumerable<byte[]> Seeds =>
    [
        [1, .. "PROXY TCP4 1.2.3.4 5.6.7.8 1 65535\r\nGET"u8], [2, .. "PROXY TCP6 ::1 2001:db8::2 0 2\r\n"u8], [3, .. "PROXY UNKNOWN what ever\r\n"u8], [4, .. "PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n"u8],
        [5, .. s_signature, 0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187], [6, .. s_signature, 0x21, 0x21, 0, 36, .. new byte[36]], [7, .. s_signature, 0x21, 0x31, 0, 216, .. "/run/a"u8, .. new byte[210]],
        [8, .. s_signature, 0x20, 0x00, 0, 3, 1, 2, 3, 4], [9, .. s_signature, 0x21, 0x11, 0xFF, 0xFF],
    ];

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        var random = new Random(bytes.Next());
        ReadOnlySpan<byte> sent = bytes.Rest;
        ProxyReadStatus status = ProxyHeaderReader.Read(Cuts.Sequence(sent, [sent.Length]), out ProxyHeader header);
        Assert.Equal(status, ProxyHeaderReader.Read(Cuts.Sequence(sent, random), out ProxyHeader cut));
        if (status == ProxyReadStatus.Complete)
        {
            Assert.Equal(header, cut);
            CheckAccepted(sent, header);

            // One byte less is not enough, and no byte after it is looked at.
            Assert.Equal(ProxyReadStatus.Incomplete, ProxyHeaderReader.Read(Cuts.Sequence(sent[..(header.LengthBytes - 1)], random), out _));
            Assert.Equal(ProxyReadStatus.Complete, ProxyHeaderReader.Read(Cuts.Sequence(sent[..header.LengthBytes], random), out cut));
            Assert.Equal(header, cut);
        }

        // What is incomplete now was not decided before.
        int shorter = sent.IsEmpty ? 0 : random.Next(sent.Length);
        ProxyReadStatus before = ProxyHeaderReader.Read(Cuts.Sequence(sent[..shorter], random), out _);
        Assert.True(before == ProxyReadStatus.Incomplete || before == status);
    }

    private static void CheckAccepted(ReadOnlySpan<byte> sent, in ProxyHeader header)
    {
        if (header.Version == 2)
        {
            Assert.True(sent.StartsWith(s_signature));
            Assert.Equal(16 + BinaryPrimitives.ReadUInt16BigEndian(sent[14..]), header.LengthBytes);
            if (header.Source is IPEndPoint source)
            {
                int size = (sent[13] >> 4) == 1 ? 4 : 16;
                Assert.Equal(0x21, sent[12]);
                Assert.Equal(new IPEndPoint(new IPAddress(sent.Slice(16, size)), BinaryPrimitives.ReadUInt16BigEndian(sent[(16 + (2 * size))..])), source);
            }

            return;
        }

        string line = Encoding.ASCII.GetString(sent[..header.LengthBytes]);
        Assert.EndsWith("\r\n", line, StringComparison.Ordinal);
        Assert.InRange(line.Length, 15, 107);
        string[] words = line[..^2].Split(' ');
        Assert.Equal("PROXY", words[0]);
        if (words[1] == "UNKNOWN")
        {
            Assert.Null(header.Source);
            return;
        }

        Assert.Equal(6, words.Length);
        Assert.Equal(new IPEndPoint(IPAddress.Parse(words[2]), int.Parse(words[4], CultureInfo.InvariantCulture)), header.Source);
        Assert.Equal(new IPEndPoint(IPAddress.Parse(words[3]), int.Parse(words[5], CultureInfo.InvariantCulture)), header.Destination);
    }
}
