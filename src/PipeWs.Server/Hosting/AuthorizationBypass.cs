using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace PipeWs.Server;

/// <summary>A raw door at a path that is also mapped with authorization would let everybody pass it by: the application must not start.</summary>
internal static class AuthorizationBypass
{
    /// <exception cref="InvalidOperationException">The fast door's path is mapped with authorization.</exception>
    public static void ThrowIfMapped(IServiceProvider services, string path)
    {
        if (FindProtected(services, endpoint => Serves(endpoint, path)) is { } endpoint)
        {
            throw new InvalidOperationException(
                $"UsePipeWs(\"{path}\") would answer handshakes before the authorization of the endpoint '{endpoint.DisplayName ?? endpoint.RoutePattern.RawText}' is asked. "
                + "Remove UsePipeWs for this path, map the endpoint at another path, or let it allow anonymous connections.");
        }
    }

    /// <exception cref="InvalidOperationException">The handler door would serve a hub at a path where it is mapped with authorization.</exception>
    public static void ThrowIfMapped(IServiceProvider services, HubDoor door)
    {
        IList<string> paths = door.Options.HandlerPaths;
        RouteEndpoint? found = FindProtected(services, endpoint =>
            endpoint.Metadata.GetMetadata<PipeWsEndpointMetadata>()?.Hub == door.Name && (paths.Count == 0 || paths.Any(path => Serves(endpoint, path))));
        if (found is not null)
        {
            throw new InvalidOperationException(
                $"PipeWsConnectionHandler would serve the hub '{door.Name}' without the authorization of the endpoint '{found.DisplayName ?? found.RoutePattern.RawText}'. "
                + "Name other paths in PipeWsOptions.HandlerPaths, give what needs authorization a hub of its own, or let the endpoint allow anonymous connections.");
        }
    }

    private static RouteEndpoint? FindProtected(IServiceProvider services, Func<RouteEndpoint, bool> isServed)
    {
        bool byDefault = services.GetService<IOptions<AuthorizationOptions>>()?.Value.FallbackPolicy is not null;
        return services.GetService<EndpointDataSource>()?.Endpoints.OfType<RouteEndpoint>()
            .FirstOrDefault(endpoint => isServed(endpoint) && AsksForAuthorization(endpoint, byDefault));
    }

    // A catch-all page that asks for authorization is no WebSocket: only an endpoint that names the path, or that MapPipeWs mapped, counts.
    private static bool Serves(RouteEndpoint endpoint, string path)
    {
        if (endpoint.RoutePattern.Parameters.Count > 0 && endpoint.Metadata.GetMetadata<PipeWsEndpointMetadata>() is null)
        {
            return false;
        }

        var matcher = new TemplateMatcher(new RouteTemplate(endpoint.RoutePattern), []);
        return matcher.TryMatch(new PathString(path), []);
    }

    private static bool AsksForAuthorization(RouteEndpoint endpoint, bool byDefault)
    {
        EndpointMetadataCollection metadata = endpoint.Metadata;
        return metadata.GetMetadata<IAllowAnonymous>() is null
            && (byDefault || metadata.GetMetadata<IAuthorizeData>() is not null || metadata.GetMetadata<AuthorizationPolicy>() is not null);
    }
}
