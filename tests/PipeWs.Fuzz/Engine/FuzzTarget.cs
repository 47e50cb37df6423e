namespace PipeWs.Fuzz.Engine;

/// <summary>Something that takes bytes from a stranger, and the contract it has to keep.</summary>
internal abstract class FuzzTarget
{
    public abstract string Name { get; }

    /// <summary>Inputs to begin with: what is legal, and the rows of the hardening table.</summary>
    public abstract IEnumerable<byte[]> Seeds { get; }

    /// <summary>Bytes that mean something to this target.</summary>
    public virtual IReadOnlyList<byte[]> Dictionary => [];

    /// <summary>Gives the input to the target and judges what comes of it. Any exception is a finding: those that the contract allows are caught inside.</summary>
    public abstract void Run(ReadOnlySpan<byte> input);

    /// <summary>The most bytes that one run may allocate, with all that its oracles need.</summary>
    public virtual long MaxAllocatedBytes(int inputBytes) => (1024 * 1024) + (256L * inputBytes);
}
