using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>A message that is received in pieces: several fragments, or a frame of which not all has come. Of the receive loop.</summary>
internal sealed class PartialMessage
{
    /// <summary>What is put together.</summary>
    internal MessageAssembler Assembly;

    /// <summary>Of a text's bytes so far.</summary>
    internal Utf8Validator Utf8;

    /// <summary>How many bytes its fragments have announced so far.</summary>
    internal long MessageBytes;

    /// <summary>How many of its fragments were empty.</summary>
    internal int EmptyFragments;

    /// <summary>Of the frame whose payload is under way: how far its mask has come.</summary>
    internal int FrameOffset;

    /// <summary>Of the frame whose payload is under way: its masking key.</summary>
    internal uint FrameKey;

    /// <summary>Another message begins.</summary>
    internal void Begin()
    {
        MessageBytes = 0;
        EmptyFragments = 0;
        Utf8.Reset();
    }
}
