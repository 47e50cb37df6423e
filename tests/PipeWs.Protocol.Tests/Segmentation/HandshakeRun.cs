using System.Buffers;
using System.Text;
using PipeWs.Protocol.Handshake;
using PipeWs.Shared;

namespace PipeWs.Protocol.Tests.Segmentation;

/// <summary>Lets a head be read that comes in given pieces, in a buffer that is cut in some other way.</summary>
internal static class HandshakeRun
{
    /// <summary>Reads a request piece by piece: after how many bytes it was decided (the largest integer where it never was), and all that was read.</summary>
    public static (int Decided, string Outcome, HandshakeRequestReader Reader) ReadRequest(ReadOnlySpan<byte> bytes, int[] pieces, HandshakePaths? paths, HandshakeLimits limits, Random random)
    {
        var reader = new HandshakeRequestReader(paths, limits);
        ReadOnlySequence<byte> buffer = Cuts.Sequence(bytes, random);
        int length = 0;
        HandshakeReadStatus status = HandshakeReadStatus.Incomplete;
        foreach (int piece in pieces)
        {
            length += piece;
            status = reader.Read(buffer.Slice(0, length));
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
        return (length, outcome, reader);
    }

    /// <summary>Reads an answer piece by piece, and then the connection's end.</summary>
    public static (int Decided, string Outcome, HandshakeResponseReader Reader) ReadResponse(ReadOnlySpan<byte> bytes, int[] pieces, HandshakeLimits limits, Random random)
    {
        var reader = new HandshakeResponseReader(limits);
        ReadOnlySequence<byte> buffer = Cuts.Sequence(bytes, random);
        int length = 0;
        HandshakeReadStatus status = HandshakeReadStatus.Incomplete;
        foreach (int piece in pieces)
        {
            length += piece;
            status = reader.Read(buffer.Slice(0, length), isCompleted: false);
            if (status != HandshakeReadStatus.Incomplete)
            {
                break;
            }
        }

        if (status == HandshakeReadStatus.Incomplete)
        {
            length = int.MaxValue;
            status = reader.Read(buffer, isCompleted: true);
        }

        HandshakeResponse r = reader.Response;

        // Of a refusal's body without a length, what came with the head must do.
        string excerpt = r.ContentLength is null ? "" : r.BodyExcerpt;
        string outcome = string.Join('|', [
            status, reader.HeadLengthBytes, reader.Error, r.StatusCode, r.ReasonPhrase, r.IsHttp11, r.UpgradeWebSocket, r.ConnectionUpgrade, r.AcceptCount, r.Accept, r.SubprotocolCount,
            r.Subprotocol, r.Extensions, r.Location, r.ContentLength, excerpt]);
        return (length, outcome, reader);
    }
}
