using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Segmentation;

/// <summary>A PROXY header is decided at one byte, whatever the pieces; what follows it changes nothing.</summary>
public class ProxyHeaderSegmentationTests
{
    private static readonly Config Many = Properties.Of(2000);
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    private static readonly int[] s_addressBytes = [0, 12, 36, 216];

    private static readonly string[] s_lines =
    [
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2", "PROXY TCP6 ::1 2001:db8::2 65535 0", "PROXY UNKNOWN", "PROXY UNKNOWN ffff:f...f:ffff whatever", "PROXY TCP4 1.2.3 5.6.7.8 1 2", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2",
        "PROXY TCP5 1.2.3.4 5.6.7.8 1 2", "PROXY TCP4 1.2.3.4 5.6.7.8 1", "PROXY ", "PROX", "GET / HTTP/1.1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3",
    ];

    [Fact]
    public void A_header_is_read_the_same_however_it_is_cut() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var random = new Random(seed);
            byte[] bytes = Header(random);
            (ProxyReadStatus Status, ProxyHeader Header) decided = default;
            for (int length = 0; length <= bytes.Length; length++)
            {
                ProxyReadStatus status = ProxyHeaderReader.Read(Cuts.Sequence(bytes.AsSpan(0, length), random), out ProxyHeader header);
                ProxyReadStatus whole = ProxyHeaderReader.Read(Cuts.Sequence(bytes.AsSpan(0, length), [length]), out ProxyHeader wholeHeader);
                if (status != ProxyReadStatus.Complete)
                {
                    // Nobody looks at what was read of a header that is none.
                    header = wholeHeader = default;
                }

                Assert.Equal((whole, wholeHeader), (status, header));
                if (decided.Status != ProxyReadStatus.Incomplete)
                {
                    Assert.Equal(decided, (status, header));
                }

                decided = (status, header);
                Assert.True(header.LengthBytes <= length);
            }
        }));

    private static byte[] Header(Random random)
    {
        byte[] header;
        if (random.Next(2) == 0)
        {
            header = Encoding.ASCII.GetBytes(s_lines[Math.Max(0, random.Next(-6, s_lines.Length))] + (random.Next(10) == 0 ? new string('x', 100) : "") + (random.Next(10) == 0 ? "\n" : "\r\n"));
        }
        else
        {
            int length = random.Next(3) == 0 ? random.Next(300) : s_addressBytes[random.Next(s_addressBytes.Length)] + (random.Next(2) * random.Next(20));
            header = new byte[16 + length];
            random.NextBytes(header.AsSpan(16));
            ((byte[])[0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]).CopyTo(header, 0);
            header[12] = (byte)(random.Next(10) == 0 ? random.Next(256) : 0x20 + random.Next(2));
            header[13] = (byte)(random.Next(10) == 0 ? random.Next(256) : (random.Next(4) << 4) | random.Next(3));
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)(random.Next(10) == 0 ? random.Next(65536) : length));
        }

        if (random.Next(5) == 0)
        {
            header[random.Next(header.Length)] = (byte)random.Next(256);
        }

        return [.. header, .. "GET"u8];
    }
}
