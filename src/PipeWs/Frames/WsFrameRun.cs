namespace PipeWs;

/// <summary>Encoded frames that lie in one piece.</summary>
/// <param name="buffer">What they lie in.</param>
/// <param name="start">Where the first begins, in bytes.</param>
/// <param name="length">How long they are together, in bytes.</param>
internal readonly struct WsFrameRun(WsRunBuffer buffer, int start, int length)
{
    internal int Length => length;

    internal bool IsEmpty => length == 0;

    internal ReadOnlyMemory<byte> Memory => buffer.Bytes.AsMemory(start, length);

    /// <summary>A transport may keep it after the call: what it lies in is not to be written anew.</summary>
    internal void Lend() => buffer.IsLent = true;
}

/// <summary>What runs lie in: written by one thread at a time, and only behind what it has already.</summary>
internal sealed class WsRunBuffer(int bytes)
{
    internal byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(bytes);

    /// <summary>Whether a transport may still send from it. Of the thread that writes it.</summary>
    internal bool IsLent { get; set; }
}
