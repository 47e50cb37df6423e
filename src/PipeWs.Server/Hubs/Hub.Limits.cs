using System.Diagnostics.CodeAnalysis;
using System.Net;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Limits;

namespace PipeWs.Server.Hubs;

// Who is let in, as far as numbers decide it.
internal sealed partial class Hub
{
    private readonly KeyedCounts<IPAddress> _perAddress = new();
    private int _reserved;

    /// <summary>How many connections each user has, where that is limited.</summary>
    internal KeyedCounts<string> PerUser { get; } = new();

    /// <summary>How many connections count against MaxConnections: those that are open, and those in the last step of their handshake.</summary>
    internal int ReservedPlaces => Volatile.Read(ref _reserved);

    /// <summary>How many addresses have connections, where that is limited.</summary>
    internal int CountedAddresses => _perAddress.Keys;

    public bool TryReserve(EndPoint? remote, [NotNullWhen(true)] out IDisposable? place, out HandshakeRefusal refusal)
    {
        place = null;
        PipeWsOptions options = Options;
        int taken = Interlocked.Increment(ref _reserved);

        // After the increment, which is a full fence: whoever closed the hub either has this place in its count, or is seen here.
        if (_phase != Phase.Open)
        {
            refusal = Refuse(LimitKind.Closing, ClosedDoor);
            return false;
        }

        if (taken > options.MaxConnections)
        {
            refusal = Refuse(
                LimitKind.MaxConnections,
                HandshakeRefusal.Unavailable($"The server has as many connections as it allows ({options.MaxConnections}, MaxConnections). Try again later."));
            return false;
        }

        IPAddress? address = options.MaxConnectionsPerAddress > 0 && remote is IPEndPoint ip ? AddressKey.Of(ip.Address, options.AddressPrefixLengthIPv6) : null;
        if (address is not null && !_perAddress.TryEnter(address, options.MaxConnectionsPerAddress))
        {
            refusal = Refuse(
                LimitKind.MaxConnectionsPerAddress,
                HandshakeRefusal.Unavailable($"There are as many connections from this address as the server allows ({options.MaxConnectionsPerAddress}, MaxConnectionsPerAddress). Close one first."));
            return false;
        }

        refusal = default;
        place = new ConnectionPlace(this, address);
        return true;
    }

    public void CountUpgradeLimit() => CountRefusal(LimitKind.MaxConcurrentUpgradedConnections);

    /// <summary>Counts what a limit refused.</summary>
    internal void CountRefusal(LimitKind limit)
    {
        Counters.Refused(limit.ToString());
        if (limit is LimitKind.InboundMessagesPerSecond or LimitKind.InboundBytesPerSecond)
        {
            Counters.RateLimited();
        }
    }

    /// <summary>Gives a place back. By the place, once.</summary>
    internal void Release(IPAddress? address)
    {
        if (address is not null)
        {
            _perAddress.Leave(address);
        }

        Interlocked.Decrement(ref _reserved);
        SignalIfEmpty();
    }

    private HandshakeRefusal Refuse(LimitKind limit, HandshakeRefusal refusal)
    {
        Interlocked.Decrement(ref _reserved);
        SignalIfEmpty();
        CountRefusal(limit);
        return refusal;
    }
}
