namespace PipeWs.Fuzz.Targets;

/// <summary>How targets take their inputs apart: the first bytes are choices, the rest is what the stranger sends.</summary>
internal ref struct TargetInput(ReadOnlySpan<byte> input)
{
    private ReadOnlySpan<byte> _rest = input;

    /// <summary>What the stranger sends.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>The next choice; 0 where there is none.</summary>
    public byte Next()
    {
        if (_rest.IsEmpty)
        {
            return 0;
        }

        byte value = _rest[0];
        _rest = _rest[1..];
        return value;
    }
}
