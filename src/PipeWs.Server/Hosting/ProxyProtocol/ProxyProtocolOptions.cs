using System.Net;

namespace PipeWs.Server;

/// <summary>Whom an endpoint believes where its clients come from, and how long it waits to be told.</summary>
public sealed class ProxyProtocolOptions
{
    /// <summary>
    /// The networks of the proxies in front. Default 127.0.0.0/8 and ::1. A connection from elsewhere is refused, since whoever may send the header may be anybody he likes.
    /// An endpoint on a Unix socket believes all.
    /// </summary>
    public IList<IPNetwork> KnownNetworks { get; } = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];

    /// <summary>Proxies by address, beside <see cref="KnownNetworks"/>. Default none.</summary>
    public IList<IPAddress> KnownProxies { get; } = [];

    /// <summary>How long the header may take. Default 10 s. Beyond it the connection is dropped.</summary>
    public TimeSpan HeaderTimeout { get; set; } = TimeSpan.FromSeconds(10);

    internal bool Trusts(EndPoint? remote)
    {
        if (remote is not IPEndPoint { Address: { } address })
        {
            return true;
        }

        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return KnownProxies.Contains(address) || KnownNetworks.Any(network => network.Contains(address));
    }
}
