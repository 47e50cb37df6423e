using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace PipeWs.Server;

/// <summary>A fast door at a path that is also mapped with authorization would let everybody pass it by: the application must not start.</summary>
internal static class AuthorizationBypass
{
    /// <exception cref="InvalidOperationException">The path is mapped with authorization.</exception>
    public static void ThrowIfMapped(IServiceProvider services, string path)
    {
        if (services.GetService<EndpointDataSource>() is not { } source)
        {
            return;
        }

        bool byDefault = services.GetService<IOptions<AuthorizationOptions>>()?.Value.FallbackPolicy is not null;
        foreach (RouteEndpoint endpoint in source.Endpoints.OfType<RouteEndpoint>())
        {
            if (Serves(endpoint, path) && AsksForAuthorization(endpoint, byDefault))
            {
                throw new InvalidOperationException(
                    $"UsePipeWs(\"{path}\") would answer handshakes before the authorization of the endpoint '{endpoint.DisplayName ?? endpoint.RoutePattern.RawText}' is asked. "
                    + "Remove UsePipeWs for this path, map the endpoint at another path, or let it allow anonymous connections.");
            }
        }
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
