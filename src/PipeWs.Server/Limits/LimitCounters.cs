namespace PipeWs.Server.Limits;

/// <summary>How often each limit of a hub refused something, since the hub began. Safe from any thread.</summary>
internal sealed class LimitCounters
{
    private static readonly LimitKind[] s_kinds = Enum.GetValues<LimitKind>();
    private readonly long[] _counts = new long[s_kinds.Length];

    /// <summary>Counts one refusal.</summary>
    public void Count(LimitKind kind) => Interlocked.Increment(ref _counts[(int)kind]);

    /// <summary>How often a limit refused something.</summary>
    public long Read(LimitKind kind) => Volatile.Read(ref _counts[(int)kind]);

    /// <summary>All of them, by the name of the option.</summary>
    public IEnumerable<KeyValuePair<string, long>> Snapshot() => s_kinds.Select(kind => KeyValuePair.Create(kind.ToString(), Read(kind)));
}
