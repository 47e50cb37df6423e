using PipeWs.Tests.Segmentation;

namespace PipeWs.Conformance.Differential;

/// <summary>
/// Where System.Net.WebSockets (of .NET 10) does otherwise than an RFC says, and this library does not. Whatever else differs fails the tests; so does a deviation that is no more.
/// </summary>
internal static class Deviations
{
    private static readonly Deviation[] s_all =
    [
        new(
            "A close frame without a code is reported as 1000, and answered with it.",
            "RFC 6455, 7.1.5: \"If this Close control frame contains no status code, _The WebSocket Connection Close Code_ is considered to be 1005.\"",
            [[0x88, 0x00]],
            static (ours, theirs) => ours.Code == 1005 && theirs.Code == 1000 && theirs.WasClean && ours.Received == theirs.Received),
        new(
            "A close reason that is not UTF-8 is answered with 1002.",
            "RFC 6455, 7.4.1: \"1007 indicates that an endpoint is terminating the connection because it has received data within a message that was not consistent with the type of the message (e.g., non-UTF-8 [RFC3629] data within a text message).\"",
            [[0x88, 0x04, 0x03, 0xE8, 0xC3, 0x28]],
            static (ours, theirs) => Is(ours, "a close reason that is not UTF-8") && theirs.Code == 1002 && ours.Received == theirs.Received),
        new(
            "A length in a longer form than it needs is taken.",
            "RFC 6455, 5.2: \"Note that in all cases, the minimal number of bytes MUST be used to encode the length, for example, the length of a 124-byte-long string can't be encoded as the sequence 126, 0, 124.\"",
            [[0x82, 0x7E, 0x00, 0x05, 1, 2, 3, 4, 5], [0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0x00, 0x01, 1]],
            static (ours, theirs) => Is(ours, "the length is not in its shortest form") && GoesOn(ours, theirs)),
        new(
            "A text that ends in the middle of a character is delivered, where its last fragment is empty.",
            "RFC 6455, 5.6: \"Note that a particular text frame might include a partial UTF-8 sequence; however, the whole message MUST contain valid UTF-8.\"",
            [[0x01, 0x01, 0xC3, 0x80, 0x00]],
            static (ours, theirs) => Is(ours, "the text is not valid UTF-8") && GoesOn(ours, theirs) && ours.Received != theirs.Received),
        new(
            "Bytes with which no UTF-8 can begin are waited upon for more.",
            "RFC 6455, 8.1: \"When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_.\"",
            [[0x81, 0x07, 0xC1], [0x01, 0x04, 0x00, 0xF0, 0x85, 0x98, 0x89, 0x00]],
            static (ours, theirs) => Is(ours, "the text is not valid UTF-8") && GoesOn(ours, theirs)),
        new(
            "A frame whose first two bytes break a rule is waited upon until its header is whole.",
            "RFC 6455, 5.1: \"The server MUST close the connection upon receiving a frame that is not masked.\" \"A client MUST close a connection if it detects a masked frame.\" 5.4 and 5.5 likewise.",
            [[0x82, 0xFE], [0x80, 0x7E], [0x89, 0x7E]],
            static (ours, theirs) => ours.Code == 1002 && ours.Initiator == WsCloseInitiator.Local && theirs.Code == 1006 && ours.Received == theirs.Received),
        new(
            "A message that is not deflate ends the transport without a close frame.",
            "RFC 6455, 7.1.7: \"If _The WebSocket Connection is Established_ prior to the point where the endpoint is required to _Fail the WebSocket Connection_, the endpoint SHOULD send a Close frame with an appropriate status code before proceeding to _Close the WebSocket Connection_.\"",
            [[0xC2, 0x03, 0xFF, 0xFF, 0xFF]],
            static (ours, theirs) => ours.Code is 1007 && theirs.Code == 1006 && ours.Received == theirs.Received,
            NeedsCompression: true),
        new(
            "What is left of a deflated message that stops short is delivered as if it were whole.",
            "RFC 7692, 7.2.2: \"Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message. Decompress the resulting data using DEFLATE.\"",
            [[0xC2, 0x04, 0xF2, 0x48, 0xCD, 0xC9]],
            static (ours, theirs) => Is(ours, "the message is not deflate") && GoesOn(ours, theirs),
            NeedsCompression: true),
        new(
            "Blocks that follow one with BFINAL are refused.",
            "RFC 7692, 7.2.3.4: \"implementors can choose to flush data using DEFLATE blocks with 'BFINAL' set to 1\"; 7.2.3.5 has a message of two blocks.",
            [[0xC1, 0x0E, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]],
            static (ours, theirs) => theirs.Reason?.Contains("BFINAL", StringComparison.Ordinal) == true && ours.Received.StartsWith(theirs.Received, StringComparison.Ordinal),
            NeedsCompression: true),
        new(
            "RSV1 on a control frame, or on a fragment that is not the first, is taken.",
            "RFC 7692, 6.1: \"An endpoint MUST NOT set the 'Per-Message Compressed' bit of control frames and non-first fragments of a data message. An endpoint receiving such a frame MUST _Fail the WebSocket Connection_.\"",
            [[0xCA, 0x00]],
            static (ours, theirs) => Is(ours, "a reserved bit is set") && GoesOn(ours, theirs),
            NeedsCompression: true),
    ];

    public static TheoryData<string> All => [.. s_all.Select(static deviation => deviation.Name)];

    public static Deviation Find(string name) => s_all.Single(deviation => deviation.Name == name);

    public static bool Explain(ConnectionOutcome ours, ConnectionOutcome theirs) => s_all.Any(deviation => deviation.Explains(ours, theirs));

    private static bool Is(ConnectionOutcome ours, string reason) => ours.Initiator == WsCloseInitiator.Local && ours.Reason!.StartsWith(reason, StringComparison.Ordinal);

    /// <summary>They did all that we did before we failed, and went on.</summary>
    private static bool GoesOn(ConnectionOutcome ours, ConnectionOutcome theirs) =>
        theirs.Received.StartsWith(ours.Received, StringComparison.Ordinal)
        && theirs.Sent.StartsWith(ours.Sent[..ours.Sent.LastIndexOf("close", StringComparison.Ordinal)], StringComparison.Ordinal);
}

/// <summary>One of them.</summary>
/// <param name="Name">What they do.</param>
/// <param name="Sentence">What the RFC says, and where.</param>
/// <param name="Examples">Bytes of a server, with which it shows on a client.</param>
/// <param name="Explains">Whether two outcomes, ours and theirs, differ by it.</param>
/// <param name="NeedsCompression">Whether permessage-deflate must have been agreed on.</param>
internal sealed record Deviation(string Name, string Sentence, byte[][] Examples, Func<ConnectionOutcome, ConnectionOutcome, bool> Explains, bool NeedsCompression = false);
