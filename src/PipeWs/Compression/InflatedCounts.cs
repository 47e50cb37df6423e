namespace PipeWs;

/// <summary>What is counted of a compressed message while it is received.</summary>
internal struct InflatedCounts
{
    /// <summary>How many bytes it has become so far.</summary>
    internal long InflatedBytes;

    /// <summary>How many compressed bytes came since they last said something.</summary>
    internal long SilentBytes;

    /// <summary>How many compressed bytes were used since something was last given to the receiver.</summary>
    internal long UsedBytes;

    /// <summary>How many compressed bytes became the message or part that is with the receiver.</summary>
    internal long PayloadBytes;

    /// <summary>What the fragment under way is given back of its length when it says something.</summary>
    internal int FragmentCredit;
}
