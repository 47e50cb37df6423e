using PipeWs.Shared;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Protocol.Framing;
using PipeWs.Tests.Segmentation;
using Xunit.Sdk;

namespace PipeWs.Conformance.Differential;

/// <summary>
/// The same bytes, cut in the same way, given to this library and to System.Net.WebSockets, in both roles: the same messages, the same answers, the same end, or one of the
/// deviations of <see cref="Deviations"/>, each with the RFC's sentence.
/// </summary>
public class DifferentialTests
{
    private static readonly Config Many = Properties.Of(1500);
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public void Frames_come_to_the_same(WsRole role) =>
        Check.One(Many, Prop.ForAll(Seeds, seed =>
        {
            var frames = new RandomFrames(seed, masks: role == WsRole.Server);
            byte[] bytes = frames.Connection();
            Compare(role, seed % 3 == 0 ? frames.Damage(bytes) : bytes, frames);
        }));

    [Theory]
    [InlineData(WsRole.Server)]
    [InlineData(WsRole.Client)]
    public void Compressed_frames_come_to_the_same(WsRole role) =>
        Check.One(Many, Prop.ForAll(Seeds, seed =>
        {
            RandomFrames frames = new RandomFrames(seed, masks: role == WsRole.Server).Compressed();
            Compare(role, frames.Connection(illegal: seed % 2 == 0 ? 0 : 3), frames);
        }));

    [Theory]
    [MemberData(nameof(Deviations.All), MemberType = typeof(Deviations))]
    public async Task A_deviation_is_still_theirs(string name)
    {
        Deviation deviation = Deviations.Find(name);
        foreach (byte[] bytes in deviation.Examples)
        {
            var setup = new ConnectionSetup(WsRole.Client, Compression: deviation.NeedsCompression ? new(15, 15, true, true) : null);
            ConnectionOutcome ours = ConnectionRun.Run(setup, bytes, [bytes.Length], endsWithBytes: false);
            ConnectionOutcome theirs = await FrameworkRun.RunAsync(setup, bytes, [bytes.Length]);
            Assert.NotEqual(Comparable(ours), Comparable(theirs));
            Assert.True(deviation.Explains(ours, theirs), $"{Convert.ToHexString(bytes)}\n{ours}\n{theirs}");
        }
    }

    private static void Compare(WsRole role, byte[] bytes, RandomFrames frames)
    {
        // They have no limits, and ours is what an array holds: "implementations that have implementation- and/or platform-specific limitations regarding the frame size or total
        // message size after reassembly from multiple frames MUST protect themselves against exceeding those limits" (RFC 6455, 10.4).
        ConnectionSetup setup = frames.Setup() with { Role = role, MaxMessageBytes = int.MaxValue / 4, MaxEmptyFragments = int.MaxValue, TextInParts = false, BinaryInParts = false };
        int[] pieces = frames.Cut(bytes.Length);
        ConnectionOutcome ours = ConnectionRun.Run(setup, bytes, pieces, endsWithBytes: false);
        Task<ConnectionOutcome> running = FrameworkRun.RunAsync(setup, bytes, pieces);
        Assert.True(running.IsCompletedSuccessfully, running.Exception?.ToString() ?? "It did not run to its end at once.");
        ConnectionOutcome theirs = running.Result;
        if (ours.Code == CloseCode.MessageTooBig)
        {
            Assert.StartsWith(ours.Received, theirs.Received, StringComparison.Ordinal);
            return;
        }

        if (Comparable(ours) != Comparable(theirs) && !Deviations.Explain(ours, theirs))
        {
            throw new XunitException($"{Convert.ToHexString(bytes)}\nours:   {ours}\ntheirs: {theirs}");
        }
    }

    private static ConnectionOutcome Comparable(ConnectionOutcome outcome) => outcome with { Reason = null, Unfinished = null };
}
