using System.Text;
using PipeWs.Fuzz.Engine;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Segmentation;

namespace PipeWs.Fuzz.Targets;

/// <summary>
/// A connection's whole receive path, in either role. Oracles: a plain reading of RFC 6455 and 7692, but of compressed messages in parts; and the same bytes cut in another way.
/// First byte: role, parts, limits, compression, end. Second: how the bytes are cut.
/// </summary>
internal sealed class FramesTarget : FuzzTarget
{
    private const int Client = 1;
    private const int TextInParts = 2;
    private const int BinaryInParts = 4;
    private const int SmallLimits = 8;
    private const int Compressed = 16;
    private const int Takeover = 32;
    private const int EndsWithBytes = 64;

    public override string Name => "frames";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D], [0x81, 0x05], [0x01, 0x03], [0x00, 0x00], [0x80, 0x02], [0x80, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0], [0x01, 0x80, 0, 0, 0, 0], [0x82, 0x7E, 0x01, 0x00], [0x82, 0xFE, 0x01, 0x00],
        [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0], [0x89, 0x00], [0x89, 0x80, 0, 0, 0, 0], [0x8A, 0x00], [0x8A, 0x80, 0, 0, 0, 0], [0x88, 0x00], [0x88, 0x80, 0, 0, 0, 0], [0x88, 0x02, 0x03, 0xE8],
        [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xC1, 0x87, 0, 0, 0, 0, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0x41, 0x03], [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "é"u8.ToArray(), "😀"u8.ToArray(), [0xED, 0xA0, 0x80],
    ];

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            foreach (byte choices in (byte[])[0, TextInParts | BinaryInParts, SmallLimits, Compressed, Compressed | Takeover, Compressed | TextInParts | SmallLimits])
            {
                foreach (bool masks in (bool[])[true, false])
                {
                    byte first = (byte)(choices | (masks ? 0 : Client));
                    yield return [first, 3, .. Frame(RawFrame.Text, "Hello, é😀"u8), .. Frame(RawFrame.Ping, "p"u8), .. Frame(RawFrame.Close, [0x03, 0xE8])];
                    yield return [first, 7, .. Frame(RawFrame.Text, "frag"u8, fin: false), .. Frame(RawFrame.Pong, []), .. Frame(RawFrame.Continuation, [], fin: false), .. Frame(RawFrame.Continuation, "ment"u8), .. Frame(RawFrame.Close, [])];
                    yield return [first, 1, .. Frame(RawFrame.Binary, new byte[130]), .. Frame(RawFrame.Text, [0xE2, 0x82], fin: false), .. Frame(RawFrame.Continuation, [0xAC]), 0x82, (byte)(masks ? 0xFE : 0x7E), 0x00, 0x02];
                    yield return [first, 2, .. Frame(RawFrame.Text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], rsv: 0x40), .. Frame(RawFrame.Text, [0xF2, 0x00, 0x11, 0x00, 0x00], rsv: 0x40), .. Frame(RawFrame.Text, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], rsv: 0x40)];
                    yield return [first, 9, .. Frame(RawFrame.Text, [0xF2, 0x48], fin: false, rsv: 0x40), .. Frame(RawFrame.Ping, "x"u8), .. Frame(RawFrame.Continuation, [0xCD, 0xC9, 0xC9, 0x07, 0x00]), .. Frame(RawFrame.Binary, [0x62, 0x18, 0x05, 0xA3, 0x60, 0x14, 0x0C, 0x3D, 0x00, 0x00], rsv: 0x40), .. Frame(RawFrame.Binary, [0xFF, 0xFF, 0xFF], rsv: 0x40)];
                    yield return [first, 5, .. Frame(RawFrame.Close, [0x03, 0xED]), .. Frame(RawFrame.Text, "ignored"u8)];
                    yield return [first, 4, .. Frame(RawFrame.Close, [0x03, 0xE8, .. Encoding.UTF8.GetBytes("a reason")])];

                    byte[] Frame(int opcode, ReadOnlySpan<byte> payload, bool fin = true, int rsv = 0) => RawFrame.Encode(opcode, payload, fin, masks ? 0x01020304 : null, rsv);
                }
            }
        }
    }

    public override long MaxAllocatedBytes(int inputBytes) => (6 * 1024 * 1024) + (512L * inputBytes);

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        int choices = bytes.Next();
        var random = new Random(bytes.Next());
        bool isSmall = (choices & SmallLimits) != 0;
        bool forgets = (choices & Takeover) == 0;
        var setup = new ConnectionSetup(
            (choices & Client) != 0 ? WsRole.Client : WsRole.Server,
            MaxMessageBytes: isSmall ? 100 : (choices & Compressed) != 0 ? 1000 : 64 * 1024,
            MaxEmptyFragments: isSmall ? 2 : 1024,
            TextInParts: (choices & TextInParts) != 0,
            BinaryInParts: (choices & BinaryInParts) != 0,
            Compression: (choices & Compressed) != 0 ? new DeflateParameters(DeflateParameters.MaxWindowBits, DeflateParameters.MaxWindowBits, forgets, forgets) : null);
        ReadOnlySpan<byte> sent = bytes.Rest;
        ConnectionOutcome whole = ConnectionRun.Run(setup, sent, [sent.Length], (choices & EndsWithBytes) != 0);
        if (setup.Compression is null || !(setup.TextInParts || setup.BinaryInParts))
        {
            Assert.Equal(ReferenceConnection.Expect(setup, sent), whole with { Reason = null, Unfinished = null });
        }

        ConnectionOutcome cut = ConnectionRun.Run(setup, sent, Cuts.Random(sent.Length, random), (choices & EndsWithBytes) == 0);
        Assert.Equal(whole with { Unfinished = null }, cut with { Unfinished = null });
        if (whole.Code is not (1007 or 1009))
        {
            Assert.Equal(whole.Unfinished, cut.Unfinished);
        }
    }
}
