namespace PipeWs.Demo.Market;

/// <summary>Counts what goes out, for the status line. Safe from any thread.</summary>
public sealed class DeskCounters
{
    private long _published;
    private long _deliveries;

    /// <summary>How many messages were published.</summary>
    public long PublishedMessages => Interlocked.Read(ref _published);

    /// <summary>How many subscribers they were published to, in sum.</summary>
    public long Deliveries => Interlocked.Read(ref _deliveries);

    /// <summary>A message was published to so many members.</summary>
    public void Published(int members)
    {
        Interlocked.Increment(ref _published);
        Interlocked.Add(ref _deliveries, members);
    }
}
