namespace PipeWs;

/// <summary>
/// Something that has frames for a connection and keeps them itself, such as a cursor into a room's log. Instead of queueing,
/// it says so with <see cref="WsConnection.Signal"/>, and whoever writes to the connection asks it for all it has by then.
/// </summary>
public abstract class WsOutboundSource
{
    private int _signalled;

    internal WsOutboundSource? Next { get; set; }

    /// <summary>
    /// Writes what there is, until there is no more or the writer is full. Called by one thread at a time, with the connection's turn;
    /// it must not block, nor send to the connection by another way.
    /// </summary>
    /// <returns>Whether there is more.</returns>
    protected internal abstract bool Write(ref WsFrameWriter writer);

    /// <summary>Whether it waits to be asked, and is held for that.</summary>
    internal bool IsSignalled => Volatile.Read(ref _signalled) != 0;

    /// <summary>
    /// Claims the one place a source may have among those that wait. Always with a full fence: a plain look first could see the place still taken,
    /// while the one who gives it up and asks the source does not see yet what was signalled.
    /// </summary>
    internal bool TryMarkSignalled() => Interlocked.Exchange(ref _signalled, 1) == 0;

    /// <summary>Gives the place up, before the source is asked, so that what comes while it is asked is not missed.</summary>
    internal void ClearSignalled() => Interlocked.Exchange(ref _signalled, 0);
}
