using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Server;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Takes the client's address from a proxy that does not speak HTTP.</summary>
public static class ProxyProtocolListenOptionsExtensions
{
    /// <summary>
    /// Expects a header of the PROXY protocol, version 1 or 2, at the start of every connection of this endpoint, as load balancers below HTTP send it. Whatever comes after it,
    /// <c>UsePipeWs</c>, HTTP or a connection handler, finds the client's address as the connection's own. Before <c>UseHttps</c> and <c>UsePipeWs</c>.
    /// </summary>
    /// <remarks>
    /// A connection that is not from a known proxy, or does not begin with a header, is dropped with one line in the log: an endpoint has the header always or never.
    /// <see cref="IProxyProtocolFeature"/> has the proxy's own address.
    /// </remarks>
    /// <param name="options">The endpoint.</param>
    /// <param name="configure">Names the proxies.</param>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is not more than nothing.</exception>
    public static ListenOptions UseProxyProtocol(this ListenOptions options, Action<ProxyProtocolOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var proxy = new ProxyProtocolOptions();
        configure?.Invoke(proxy);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(proxy.HeaderTimeout, TimeSpan.Zero);
        IServiceProvider services = options.ApplicationServices;
        TimeProvider clock = services.GetService<TimeProvider>() ?? TimeProvider.System;
        ILogger logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("PipeWs.Server.Hosting");
        ((Connections.IConnectionBuilder)options).Use(next => new ProxyProtocolMiddleware(proxy, clock, logger, next).OnConnectionAsync);
        return options;
    }
}
