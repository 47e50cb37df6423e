using PipeWs.Protocol.Compression;

namespace PipeWs.Tests.Segmentation;

/// <summary>
/// All that can be seen of what a connection made of its peer's bytes: what its application got, what the peer got, and how it ended.
/// </summary>
/// <param name="Received">The messages in order, as <c>text 48656C6C6F</c>.</param>
/// <param name="Unfinished">What had come of a message in parts that did not become whole; null where parts are not compared.</param>
/// <param name="Sent">The frames that were sent, in order: <c>pong ...</c>, <c>close 1002</c>.</param>
/// <param name="Code">The code of the end.</param>
/// <param name="Reason">The reason of the end; null where reasons are not compared.</param>
/// <param name="Initiator">Who began the end.</param>
/// <param name="WasClean">Whether it was clean.</param>
public sealed record ConnectionOutcome(
    string Received,
    string? Unfinished,
    string Sent,
    ushort Code,
    string? Reason,
    WsCloseInitiator Initiator,
    bool WasClean);

/// <summary>What a connection is like that bytes are given to.</summary>
/// <param name="Role">Which end it is.</param>
/// <param name="MaxMessageBytes">The largest message.</param>
/// <param name="MaxEmptyFragments">The most empty fragments.</param>
/// <param name="TextInParts">Whether text is received in parts.</param>
/// <param name="BinaryInParts">Whether binary messages are received in parts.</param>
/// <param name="Compression">What was agreed on about permessage-deflate; null for nothing.</param>
public sealed record ConnectionSetup(
    WsRole Role,
    long MaxMessageBytes = 1024 * 1024,
    int MaxEmptyFragments = 1024,
    bool TextInParts = false,
    bool BinaryInParts = false,
    DeflateParameters? Compression = null)
{
    public bool InParts(WsMessageType type) => type == WsMessageType.Text ? TextInParts : BinaryInParts;
}
