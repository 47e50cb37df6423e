using FsCheck;
using FsCheck.Fluent;
using PipeWs.Protocol.Handshake;
using PipeWs.Shared;

namespace PipeWs.Protocol.Tests.Segmentation;

/// <summary>
/// A head that is cut in any way is read as the whole one is: the decision falls at the same byte, and is the same. Byte by byte shows where it falls; any other way of
/// cutting may learn of it only with the bytes that come along.
/// </summary>
public class HandshakeSegmentationTests
{
    private static readonly Config Many = Properties.Of(3000);
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();
    private static readonly HandshakePaths Paths = new("/ws", "/other");
    private static readonly HandshakeLimits Small = new() { MaxRequestLineBytes = 30, MaxHeaderLineBytes = 60, MaxHeadersBytes = 200, MaxHeaders = 7 };

    [Fact]
    public void A_request_is_read_the_same_however_it_is_cut() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var head = new RandomHead(seed);
            byte[] bytes = head.Request();
            HandshakePaths? paths = head.Random.Next(2) == 0 ? Paths : null;
            HandshakeLimits limits = head.Random.Next(3) == 0 ? Small : HandshakeLimits.Default;
            (int decided, string outcome, _) = HandshakeRun.ReadRequest(bytes, [.. Enumerable.Repeat(1, bytes.Length)], paths, limits, head.Random);
            for (int i = 0; i < 5; i++)
            {
                int[] pieces = Cuts.Random(bytes.Length, head.Random);
                (int at, string cut, _) = HandshakeRun.ReadRequest(bytes, pieces, paths, limits, head.Random);
                Assert.Equal(outcome, cut);
                AssertFirstEndAt(decided, at, pieces);
            }
        }));

    [Fact]
    public void An_answer_is_read_the_same_however_it_is_cut() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var head = new RandomHead(seed);
            byte[] bytes = head.Response();
            HandshakeLimits limits = head.Random.Next(3) == 0 ? Small : HandshakeLimits.Default;
            (int decided, string outcome, _) = HandshakeRun.ReadResponse(bytes, [.. Enumerable.Repeat(1, bytes.Length)], limits, head.Random);
            for (int i = 0; i < 5; i++)
            {
                int[] pieces = Cuts.Random(bytes.Length, head.Random);
                (int at, string cut, _) = HandshakeRun.ReadResponse(bytes, pieces, limits, head.Random);
                Assert.Equal(outcome, cut);
                AssertFirstEndAt(decided, at, pieces);
            }
        }));

    /// <summary>The decision is there at the end of the first piece that holds the byte it hangs on.</summary>
    private static void AssertFirstEndAt(int decided, int at, int[] pieces)
    {
        int end = 0;
        foreach (int piece in pieces)
        {
            end += piece;
            if (end >= decided)
            {
                break;
            }
        }

        Assert.Equal(decided == int.MaxValue ? int.MaxValue : end, at);
    }
}
