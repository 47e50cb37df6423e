using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace PipeWs.Testing;

/// <summary>For applications that are started by something else, such as a WebApplicationFactory.</summary>
public static class WsTestServiceCollectionExtensions
{
    /// <summary>
    /// Makes the application's hubs testable in memory: its <see cref="TimeProvider"/> becomes a <see cref="WsTestClock"/>, its log is kept, and a <see cref="WsTestServer"/> is
    /// among its services. In a WebApplicationFactory it goes into <c>ConfigureTestServices</c>, after the application's own registrations.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="clock">The clock; null for a new one.</param>
    public static IServiceCollection AddPipeWsTestServer(this IServiceCollection services, WsTestClock? clock = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock ?? new WsTestClock()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ILoggerProvider, WsTestLog>());
        services.TryAddSingleton(static provider => WsTestServer.For(provider));
        return services;
    }

    /// <summary>Connects in memory to a hub of an application that runs already, with its own clock.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="options">Who connects, and how; null for nobody in particular, at <c>/ws</c>.</param>
    /// <param name="cancellationToken">Gives up waiting for the answer.</param>
    /// <exception cref="InvalidOperationException">The application has no such hub.</exception>
    /// <exception cref="WsHandshakeRefusedException">The handshake was refused.</exception>
    public static Task<WsTestPeer> ConnectPipeWsAsync(this IServiceProvider services, WsTestConnectOptions? options = null, CancellationToken cancellationToken = default) =>
        (services.GetService<WsTestServer>() ?? WsTestServer.For(services)).ConnectAsync(options, cancellationToken);
}
