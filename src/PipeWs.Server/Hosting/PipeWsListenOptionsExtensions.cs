using Microsoft.AspNetCore.Server.Kestrel.Core;
using PipeWs.Protocol.Handshake;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;
using PipeWs.Server.Identity;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Opens the fast door.</summary>
public static class PipeWsListenOptionsExtensions
{
    /// <summary>
    /// Serves a hub's WebSockets at a path of this endpoint, beside HTTP and without its cost: handshakes for exactly this path are answered before
    /// HTTP sees them, and everything else goes on untouched. After <c>UseHttps</c> where the endpoint is TLS. May be used several times, with different paths.
    /// </summary>
    /// <remarks>
    /// No middleware of the application runs: no authentication among them. Who connects is judged by the hub's own authenticator, if it has one
    /// (<c>UseJwtBearer</c>, <c>UseStaticTokens</c>, <c>UseAuthenticator</c>), pages by <see cref="PipeWsOptions.AllowedOrigins"/>.
    /// </remarks>
    /// <param name="options">The endpoint.</param>
    /// <param name="path">The path, byte for byte as clients send it, such as <c>/ws</c>.</param>
    /// <param name="hub">The hub's name.</param>
    /// <exception cref="ArgumentException">The path is not one.</exception>
    /// <exception cref="InvalidOperationException">
    /// Thrown when the application starts: there is no such hub, or the path is also mapped to an endpoint that asks for an authorization
    /// which this door would pass by, because the hub does not require it itself.
    /// </exception>
    public static ListenOptions UsePipeWs(this ListenOptions options, string path, string hub = "")
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(hub);
        var paths = new HandshakePaths(path);
        IServiceProvider services = options.ApplicationServices;
        return (ListenOptions)Use(options, next =>
        {
            // Kestrel builds its middleware just before it binds, and after the application's endpoints were collected.
            HubDoor door = HubDoor.Get(services, hub);
            AuthorizationBypass.ThrowIfOpen(services, path, door);
            services.GetService<RawDoorPaths>()?.Add(path);
            return new FastDoor(paths, door, next).OnConnectionAsync;
        });
    }

    private static Connections.IConnectionBuilder Use(ListenOptions options, Func<Connections.ConnectionDelegate, Connections.ConnectionDelegate> middleware) =>
        ((Connections.IConnectionBuilder)options).Use(middleware);
}
