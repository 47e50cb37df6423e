using System.Collections.Concurrent;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Diagnostics;

/// <summary>
/// What happened in one hub since it started. A message costs one addition to a field of its connection, which alone writes it; whoever asks sums up the open
/// connections and what the ended ones left. Everything else is rare, and counted with interlocked fields. Safe from any thread.
/// </summary>
internal sealed class HubCounters
{
    private static readonly int s_policies = Enum.GetValues<WsSlowConsumerPolicy>().Length;

    private readonly ConnectionSet[] _sets;
    private readonly ConcurrentDictionary<string, long> _refused = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _closed = new(StringComparer.Ordinal);
    private readonly long[] _slow = new long[s_policies];
    private long _opened;
    private long _handlerFailures;
    private long _hookFailures;
    private long _rateLimited;
    private long _gaps;
    private long _skipped;

    /// <param name="shards">How many shards the hub's connections are spread over.</param>
    internal HubCounters(int shards)
    {
        _sets = new ConnectionSet[shards];
        for (int i = 0; i < shards; i++)
        {
            _sets[i] = new ConnectionSet();
        }
    }

    /// <summary>How many connections are open.</summary>
    internal int OpenCount
    {
        get
        {
            int count = 0;
            foreach (ConnectionSet set in _sets)
            {
                count += set.Count;
            }

            return count;
        }
    }

    /// <summary>How many connections were opened.</summary>
    internal long OpenedCount => Volatile.Read(ref _opened);

    /// <summary>How often a handler of messages threw.</summary>
    internal long HandlerFailures => Volatile.Read(ref _handlerFailures);

    /// <summary>How often a hook or a handler of the hub's events threw.</summary>
    internal long HookFailures => Volatile.Read(ref _hookFailures);

    /// <summary>How many messages were over a rate limit.</summary>
    internal long RateLimitedCount => Volatile.Read(ref _rateLimited);

    /// <summary>How often a member was told that messages were left out.</summary>
    internal long Gaps => Volatile.Read(ref _gaps);

    /// <summary>How many messages were left out so; where a room conflates, some of them came after all, as the latest of their key.</summary>
    internal long SkippedMessages => Volatile.Read(ref _skipped);

    /// <summary>Refusals by the name of the limit.</summary>
    internal IReadOnlyDictionary<string, long> Refusals => _refused;

    /// <summary>Ended connections by <see cref="CodeClass"/>.</summary>
    internal IReadOnlyDictionary<string, long> Closes => _closed;

    /// <summary>A close code as a tag: the codes that this library gives a meaning to by themselves, the others by their range, so that no peer makes up new ones.</summary>
    internal static string CodeClass(ushort code) => code switch
    {
        CloseCode.NormalClosure => "1000",
        CloseCode.GoingAway => "1001",
        CloseCode.ProtocolError => "1002",
        CloseCode.UnsupportedData => "1003",
        CloseCode.NoStatusReceived => "1005",
        CloseCode.AbnormalClosure => "1006",
        CloseCode.InvalidPayloadData => "1007",
        CloseCode.PolicyViolation => "1008",
        CloseCode.MessageTooBig => "1009",
        CloseCode.MandatoryExtension => "1010",
        CloseCode.InternalError => "1011",
        CloseCode.ServiceRestart => "1012",
        CloseCode.TryAgainLater => "1013",
        CloseCode.BadGateway => "1014",
        CloseCode.Unauthenticated => "3001",
        CloseCode.TokenExpired => "3005",
        CloseCode.TooSlow => "3008",
        CloseCode.OverLimit => "3013",
        < 3000 => "1xxx",
        < 4000 => "3xxx",
        _ => "4xxx",
    };

    /// <summary>A connection begins. <see cref="Closed"/> must follow.</summary>
    internal void Opened(HubConnection connection)
    {
        Interlocked.Increment(ref _opened);
        _sets[connection.ShardIndex].Add(connection);
    }

    /// <summary>A connection has ended.</summary>
    internal void Closed(HubConnection connection, ushort code)
    {
        _sets[connection.ShardIndex].Remove(connection);
        Count(_closed, CodeClass(code));
    }

    /// <summary>Somebody was refused because of a limit.</summary>
    /// <param name="limit">The option's name: a constant, never what a peer says.</param>
    internal void Refused(string limit) => Count(_refused, limit);

    /// <summary>A handler of messages threw.</summary>
    internal void HandlerFailed() => Interlocked.Increment(ref _handlerFailures);

    /// <summary>A hook or a handler of the hub's events threw.</summary>
    internal void HookFailed() => Interlocked.Increment(ref _hookFailures);

    /// <summary>A message was over a rate limit.</summary>
    internal void RateLimited() => Interlocked.Increment(ref _rateLimited);

    /// <summary>A room's policy acted on a member that was too slow.</summary>
    internal void SlowConsumer(WsSlowConsumerPolicy policy) => Interlocked.Increment(ref _slow[(int)policy]);

    /// <summary>A member was told that messages were left out.</summary>
    /// <param name="messages">How many.</param>
    internal void Gap(long messages)
    {
        Interlocked.Increment(ref _gaps);
        Interlocked.Add(ref _skipped, messages);
    }

    /// <summary>How often a policy acted.</summary>
    internal long SlowConsumers(WsSlowConsumerPolicy policy) => Volatile.Read(ref _slow[(int)policy]);

    /// <summary>How often any policy acted.</summary>
    internal long SlowConsumers()
    {
        long sum = 0;
        for (int i = 0; i < _slow.Length; i++)
        {
            sum += Volatile.Read(ref _slow[i]);
        }

        return sum;
    }

    /// <summary>The traffic of all connections, open and ended.</summary>
    internal HubTraffic Traffic()
    {
        HubTraffic sum = default;
        foreach (ConnectionSet set in _sets)
        {
            sum += set.Sum();
        }

        return sum;
    }

    /// <summary>The traffic of one shard's connections, open and ended.</summary>
    internal HubTraffic Traffic(int shard) => _sets[shard].Sum();

    /// <summary>What all connections, open and ended, compressed and inflated. Where none that is open does, it costs a look at each shard.</summary>
    internal HubCompression Compression()
    {
        HubCompression sum = default;
        foreach (ConnectionSet set in _sets)
        {
            sum += set.SumCompression();
        }

        return sum;
    }

    private static void Count(ConcurrentDictionary<string, long> counts, string name) =>
        counts.AddOrUpdate(name, 1, static (_, count) => count + 1);

    /// <summary>
    /// The open connections of one shard and the sum of the ended ones, under one lock: a connection that ends is in one or the other and never in both, so that sums never go
    /// back. Only the beginning and the end of a connection wait for a reader.
    /// </summary>
    private sealed class ConnectionSet
    {
        private readonly Lock _lock = new();
        private HubConnection?[] _open = new HubConnection?[16];
        private int _count;
        private HubTraffic _ended;

        // The traffic of the ended ones, and how many agreed.
        private HubCompression _compression;

        internal int Count => Volatile.Read(ref _count);

        internal void Add(HubConnection connection)
        {
            lock (_lock)
            {
                if (_count == _open.Length)
                {
                    Array.Resize(ref _open, _count * 2);
                }

                connection.CounterIndex = _count;
                _open[_count++] = connection;
                if (connection.Ws.IsCompressed)
                {
                    _compression += new HubCompression(1, 1, default);
                }
            }
        }

        internal void Remove(HubConnection connection)
        {
            lock (_lock)
            {
                _ended += HubTraffic.Of(connection.Ws) with { Connections = 0 };
                if (connection.Ws.Compression is { } compression)
                {
                    _compression += new HubCompression(-1, 0, compression.Traffic);
                }

                HubConnection last = _open[--_count]!;
                _open[_count] = null;
                if (!ReferenceEquals(last, connection))
                {
                    _open[connection.CounterIndex] = last;
                    last.CounterIndex = connection.CounterIndex;
                }

                if (_open.Length > 64 && _count < _open.Length / 4)
                {
                    Array.Resize(ref _open, _open.Length / 2);
                }
            }
        }

        internal HubTraffic Sum()
        {
            lock (_lock)
            {
                HubTraffic sum = _ended;
                for (int i = 0; i < _count; i++)
                {
                    sum += HubTraffic.Of(_open[i]!.Ws);
                }

                return sum;
            }
        }

        internal HubCompression SumCompression()
        {
            lock (_lock)
            {
                HubCompression sum = _compression;
                for (int i = 0, left = sum.Open; left > 0; i++)
                {
                    if (_open[i]!.Ws.Compression is { } compression)
                    {
                        sum += new HubCompression(0, 0, compression.Traffic);
                        left--;
                    }
                }

                return sum;
            }
        }
    }
}
