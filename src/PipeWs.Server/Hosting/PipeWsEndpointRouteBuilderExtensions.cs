using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Routing;
using PipeWs.Server;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Opens the mapped door.</summary>
public static class PipeWsEndpointRouteBuilderExtensions
{
    private static readonly string[] Methods = ["GET", "CONNECT"];

    /// <summary>
    /// Maps a hub's WebSockets to a pattern, as an ordinary endpoint: authentication, authorization, rate limits and metrics of the application apply. HTTP/1.1 by
    /// Upgrade (RFC 6455), HTTP/2 by extended CONNECT (RFC 8441). <c>UseWebSockets</c> is not needed.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The route pattern, such as <c>/ws</c>.</param>
    /// <param name="hub">The hub's name.</param>
    /// <exception cref="InvalidOperationException">There is no such hub.</exception>
    public static IEndpointConventionBuilder MapPipeWs(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern, string hub = "")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(hub);
        var door = new MappedDoor(HubDoor.Get(endpoints.ServiceProvider, hub), endpoints.ServiceProvider);
        return endpoints.MapMethods(pattern, Methods, door.OnRequestAsync)
            .WithDisplayName($"WebSocket {pattern}")
            .WithMetadata(new PipeWsEndpointMetadata(hub), new DisableRequestTimeoutAttribute());
    }
}
