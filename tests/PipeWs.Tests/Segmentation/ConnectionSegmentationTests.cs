using FsCheck;
using FsCheck.Fluent;
using PipeWs.Shared;

namespace PipeWs.Tests.Segmentation;

/// <summary>The same bytes, cut in any way, give the same messages, the same answers and the same end: those that the RFC asks for.</summary>
public class ConnectionSegmentationTests
{
    private static readonly Config Many = Properties.Of(1500);

    // FsCheck's own integers stay near 0, which would be a few hundred connections again and again.
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public void Legal_and_illegal_frames_give_the_same_events_however_they_are_cut(WsRole role) =>
        Check.One(Many, Prop.ForAll(Seeds, seed =>
        {
            var frames = new RandomFrames(seed, masks: role == WsRole.Server);
            Agree(frames, frames.Connection());
        }));

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public void Damaged_bytes_give_the_same_events_however_they_are_cut(WsRole role) =>
        Check.One(Many, Prop.ForAll(Seeds, seed =>
        {
            var frames = new RandomFrames(seed, masks: role == WsRole.Server);
            Agree(frames, frames.Damage(frames.Connection(illegal: 0)));
        }));

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public void Compressed_messages_give_the_same_events_however_they_are_cut(WsRole role) =>
        Check.One(Many, Prop.ForAll(Seeds, seed =>
        {
            RandomFrames frames = new RandomFrames(seed, masks: role == WsRole.Server).Compressed();
            byte[] bytes = frames.Connection();
            Agree(frames, seed % 4 == 0 ? frames.Damage(bytes) : bytes);
        }));

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public void Two_cuts_anywhere_change_nothing(WsRole role)
    {
        bool masks = role == WsRole.Server;
        byte[][] connections =
        [
            [.. Frame(RawFrame.Text, "Hé😀"u8), .. Frame(RawFrame.Ping, "p"u8), .. Frame(RawFrame.Close, [0x03, 0xE8])],
            [.. Frame(RawFrame.Text, [0xF0, 0x9F], fin: false), .. Frame(RawFrame.Ping, []), .. Frame(RawFrame.Continuation, [0x98, 0x80])],
            [.. Frame(RawFrame.Text, [0x61, 0xF0, 0x9F], fin: false), .. Frame(RawFrame.Continuation, [0x98, 0x80]), .. Frame(RawFrame.Text, [0x61, 0xED, 0xA0, 0x80])],
            [.. Frame(RawFrame.Binary, new byte[130]), .. Frame(RawFrame.Close, [])],
            [.. Frame(RawFrame.Ping, new byte[3]), .. Frame(RawFrame.Pong, new byte[3]), 0x83, 0x80],
        ];
        foreach (byte[] bytes in connections)
        {
            var setup = new ConnectionSetup(role);
            ConnectionOutcome expected = ReferenceConnection.Expect(setup, bytes);
            int step = Math.Max(1, bytes.Length / 48);
            for (int first = 0; first <= bytes.Length; first++)
            {
                for (int second = first; second <= bytes.Length; second += step)
                {
                    ConnectionOutcome actual = ConnectionRun.Run(setup, bytes, [first, second - first, bytes.Length - second], endsWithBytes: false);
                    Assert.Equal(expected, actual with { Reason = null, Unfinished = null });
                }
            }
        }

        byte[] Frame(int opcode, ReadOnlySpan<byte> payload, bool fin = true) => RawFrame.Encode(opcode, payload, fin, masks ? 0x37FA213D : null);
    }

    private static void Agree(RandomFrames frames, byte[] bytes)
    {
        ConnectionSetup setup = frames.Setup();
        ConnectionOutcome expected = ReferenceConnection.Expect(setup, bytes);
        ConnectionOutcome whole = ConnectionRun.Run(setup, bytes, [bytes.Length], frames.Flip());
        Assert.Equal(expected, whole with { Reason = null, Unfinished = null });
        for (int i = 0; i < 3; i++)
        {
            ConnectionOutcome cut = ConnectionRun.Run(setup, bytes, frames.Cut(bytes.Length), frames.Flip());

            // What is certain to be wrong is certain at the same byte; how much of the message before it was given in parts is up to the reads.
            Assert.Equal(whole with { Unfinished = null }, cut with { Unfinished = null });
            if (whole.Code is not (1007 or 1009))
            {
                Assert.Equal(whole.Unfinished, cut.Unfinished);
            }
        }
    }
}
