using System.Net;

namespace PipeWs.Server;

/// <summary>
/// What <c>UseProxyProtocol</c> found on a connection, among its features and those of its requests. The addresses it names are the connection's own from then on; those
/// of the transport are here.
/// </summary>
public interface IProxyProtocolFeature
{
    /// <summary>The version of the header: 1, the line of text, or 2, binary.</summary>
    int Version { get; }

    /// <summary>Whether the proxy speaks for itself, as in a health check, or does not know for whom: the addresses are the transport's then.</summary>
    bool IsLocal { get; }

    /// <summary>The proxy's address.</summary>
    EndPoint? ProxyEndPoint { get; }

    /// <summary>The server's own end of the proxy's connection.</summary>
    EndPoint? TransportLocalEndPoint { get; }
}
