namespace PipeWs;

/// <summary>What has been compressed for many: counted once for all the connections of a service.</summary>
internal sealed class CompressionCounters
{
    private long _sharedDeflates;

    /// <summary>How often a frame that many share was compressed, whether or not it became shorter.</summary>
    internal long SharedDeflates => Volatile.Read(ref _sharedDeflates);

    internal void CountSharedDeflate() => Interlocked.Increment(ref _sharedDeflates);
}
