namespace PipeWs.Server.Limits;

/// <summary>
/// How much of rooms' history a connection may have repeated: as often as it joins anew with an older cursor, the log is sent to it again. It may go below nothing by one
/// replay, so that a room's whole log is never too large for it. Not safe from several threads: the caller's gate orders joins.
/// </summary>
internal sealed class ReplayBudget
{
    private double _bytes;
    private long _at;
    private bool _isStarted;

    /// <summary>Takes what a replay costs.</summary>
    /// <returns>Whether there was anything left before.</returns>
    public bool TryTake(long bytes, long perSecond, long burst, TimeProvider time)
    {
        long now = time.GetTimestamp();
        _bytes = _isStarted ? Math.Min(burst, _bytes + (time.GetElapsedTime(_at, now).TotalSeconds * perSecond)) : burst;
        _at = now;
        _isStarted = true;
        if (_bytes <= 0)
        {
            return false;
        }

        _bytes -= bytes;
        return true;
    }
}
