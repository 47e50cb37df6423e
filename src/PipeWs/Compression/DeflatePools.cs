using Microsoft.Extensions.ObjectPool;
using PipeWs.Protocol.Compression;

namespace PipeWs;

/// <summary>
/// The inflaters and deflaters of all connections that keep no context: taken for a message, given back after it. As many are kept as can be at work at once; more are
/// made where more messages are half received or half sent, and end when they come back.
/// </summary>
internal static class DeflatePools
{
    private const int Windows = DeflateParameters.MaxWindowBits + 1;
    private const int Levels = 10;

    private static readonly DefaultObjectPoolProvider s_provider = new() { MaximumRetained = MaxRetained };
    private static readonly ObjectPool<MessageDeflater>?[] s_deflaters = new ObjectPool<MessageDeflater>?[Windows * Levels];

    /// <summary>How many of a kind are kept.</summary>
    internal static int MaxRetained => Environment.ProcessorCount * 2;

    /// <summary>Inflaters for messages of whatever window.</summary>
    internal static ObjectPool<MessageInflater> Inflaters { get; } = s_provider.Create(new InflaterPolicy());

    /// <summary>Deflaters of one window and level.</summary>
    internal static ObjectPool<MessageDeflater> Deflaters(int windowBits, int level)
    {
        ref ObjectPool<MessageDeflater>? pool = ref s_deflaters[(level * Windows) + windowBits];
        return Volatile.Read(ref pool) ?? Interlocked.CompareExchange(ref pool, s_provider.Create(new DeflaterPolicy(windowBits, level)), null) ?? pool!;
    }

    private sealed class InflaterPolicy : PooledObjectPolicy<MessageInflater>
    {
        public override MessageInflater Create() => new();

        public override bool Return(MessageInflater obj)
        {
            obj.Reset();
            return true;
        }
    }

    private sealed class DeflaterPolicy(int windowBits, int level) : PooledObjectPolicy<MessageDeflater>
    {
        public override MessageDeflater Create() => new(windowBits, level);

        public override bool Return(MessageDeflater obj)
        {
            obj.Reset();
            return true;
        }
    }
}
