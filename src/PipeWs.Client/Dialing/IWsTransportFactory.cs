using System.Net;

namespace PipeWs.Client;

/// <summary>Gives the client a transport to speak over: TCP by default, or something in memory, over a Unix socket, through a tunnel. Used from any thread.</summary>
public interface IWsTransportFactory
{
    /// <summary>Connects to a host, which may be a proxy. The client puts TLS and WebSocket on top.</summary>
    /// <param name="endpoint">The host, as it stands in the endpoint or the proxy's address, and the port.</param>
    /// <param name="cancellationToken">Cancelled at <see cref="WsClientOptions.DialTimeout"/> and by a stop.</param>
    ValueTask<WsTransport> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken);
}
