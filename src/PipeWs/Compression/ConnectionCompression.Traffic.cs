namespace PipeWs;

// What has been compressed and inflated. Each count has one writer, the turn's holder or the receive loop, which adds to a plain field; others read it.
internal sealed partial class ConnectionCompression
{
    private long _messagesInflated;
    private long _inflatedFrom;
    private long _inflatedTo;
    private long _messagesDeflated;
    private long _deflatedFrom;
    private long _deflatedTo;
    private long _messagesNotShorter;

    /// <summary>The counts as they are now. By any thread.</summary>
    internal CompressionTraffic Traffic => new(
        Volatile.Read(ref _messagesInflated),
        Volatile.Read(ref _inflatedFrom),
        Volatile.Read(ref _inflatedTo),
        Volatile.Read(ref _messagesDeflated),
        Volatile.Read(ref _deflatedFrom),
        Volatile.Read(ref _deflatedTo),
        Volatile.Read(ref _messagesNotShorter));

    /// <summary>Some bytes were inflated. By the receive loop.</summary>
    internal void CountInflated(int from, int to)
    {
        _inflatedFrom += from;
        _inflatedTo += to;
    }

    /// <summary>A message, or a part of one, was compressed. With the turn.</summary>
    private void CountDeflated(int from, int to, bool isLast)
    {
        _deflatedFrom += from;
        _deflatedTo += to;
        if (isLast)
        {
            _messagesDeflated++;
        }
    }
}
