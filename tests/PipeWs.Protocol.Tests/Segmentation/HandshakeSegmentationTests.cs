using System.Text;
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
    private static readonly Config Many = Config.QuickThrowOnFailure.WithMaxTest(3000).WithQuietOnSuccess(true);
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
            (int decided, string outcome) = ReadRequest(bytes, [.. Enumerable.Repeat(1, bytes.Length)], paths, limits, head.Random);
            for (int i = 0; i < 5; i++)
            {
                int[] pieces = Cuts.Random(bytes.Length, head.Random);
                (int at, string cut) = ReadRequest(bytes, pieces, paths, limits, head.Random);
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
            (int decided, string outcome) = ReadResponse(bytes, [.. Enumerable.Repeat(1, bytes.Length)], limits, head.Random);
            for (int i = 0; i < 5; i++)
            {
                int[] pieces = Cuts.Random(bytes.Length, head.Random);
                (int at, string cut) = ReadResponse(bytes, pieces, limits, head.Random);
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

    private static (int Decided, string Outcome) ReadRequest(byte[] bytes, int[] pieces, HandshakePaths? paths, HandshakeLimits limits, Random random)
    {
        var reader = new HandshakeRequestReader(paths, limits);
        int length = 0;
        HandshakeReadStatus status = HandshakeReadStatus.Incomplete;
        foreach (int piece in pieces)
        {
            length += piece;
            status = reader.Read(Cuts.Sequence(bytes.AsSpan(0, length), random));
            if (status != HandshakeReadStatus.Incomplete)
            {
                break;
            }
        }

        if (status == HandshakeReadStatus.Incomplete)
        {
            length = int.MaxValue;
        }

        HandshakeRequest r = reader.Request;
        string outcome = status == HandshakeReadStatus.NotOurs ? "not ours" : string.Join('|', [
            status, reader.HeadLengthBytes, reader.Refusal, r.Method, r.Version, r.TargetForm, r.Path, r.Query, r.HostCount, r.HostIsValid, r.ConnectionUpgrade, r.UpgradeWebSocket,
            r.AnnouncesBody, r.WebSocketVersionCount, r.WebSocketVersionIs13, r.KeyCount, Encoding.Latin1.GetString(r.Key), r.OriginCount, r.Origin, r.AuthorizationCount, r.Authorization,
            r.Subprotocols, r.Extensions, r.TraceParent, r.TraceState, HandshakeRequestRules.Check(r)]);
        return (length, outcome);
    }

    private static (int Decided, string Outcome) ReadResponse(byte[] bytes, int[] pieces, HandshakeLimits limits, Random random)
    {
        var reader = new HandshakeResponseReader(limits);
        int length = 0;
        HandshakeReadStatus status = HandshakeReadStatus.Incomplete;
        foreach (int piece in pieces)
        {
            length += piece;
            status = reader.Read(Cuts.Sequence(bytes.AsSpan(0, length), random), isCompleted: false);
            if (status != HandshakeReadStatus.Incomplete)
            {
                break;
            }
        }

        if (status == HandshakeReadStatus.Incomplete)
        {
            length = int.MaxValue;
            status = reader.Read(Cuts.Sequence(bytes, random), isCompleted: true);
        }

        HandshakeResponse r = reader.Response;

        // Of a refusal's body without a length, what came with the head must do.
        string excerpt = r.ContentLength is null ? "" : r.BodyExcerpt;
        string outcome = string.Join('|', [
            status, reader.HeadLengthBytes, reader.Error, r.StatusCode, r.ReasonPhrase, r.IsHttp11, r.UpgradeWebSocket, r.ConnectionUpgrade, r.AcceptCount, r.Accept, r.SubprotocolCount,
            r.Subprotocol, r.Extensions, r.Location, r.ContentLength, excerpt]);
        return (length, outcome);
    }
}
