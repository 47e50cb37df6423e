using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PipeWs.Server.Identity;

namespace PipeWs.Server;

/// <summary>
/// A raw door at a path that is also mapped with authorization would let everybody pass it by: the application must not start. Unless the raw door asks for as much: its hub requires
/// users, and holds every requirement of the endpoint's policies among its own (<c>RequireAuthorization</c>).
/// </summary>
internal static class AuthorizationBypass
{
    /// <exception cref="InvalidOperationException">The fast door's path is mapped with an authorization that its hub does not ask for, or nobody could ever come in.</exception>
    public static void ThrowIfOpen(IServiceProvider services, string path, HubDoor door)
    {
        ThrowIfClosed($"UsePipeWs(\"{path}\")", door);
        if (FindUncovered(services, door, endpoint => Serves(endpoint, path)) is { } endpoint)
        {
            throw new InvalidOperationException(
                $"UsePipeWs(\"{path}\") would answer handshakes before the authorization of the endpoint '{endpoint.DisplayName ?? endpoint.RoutePattern.RawText}' is asked. "
                + "Give the hub an authenticator and the same policies (RequireAuthorization), remove UsePipeWs for this path, map the endpoint at another path, or let it allow anonymous connections.");
        }
    }

    /// <exception cref="InvalidOperationException">The handler door would serve a hub at a path where it is mapped with an authorization that the hub does not ask for, or nobody could ever come in.</exception>
    public static void ThrowIfOpen(IServiceProvider services, HubDoor door)
    {
        IList<string> paths = door.Options.HandlerPaths;
        if (paths.Count > 0)
        {
            ThrowIfClosed("PipeWsConnectionHandler", door);
        }

        RouteEndpoint? found = FindUncovered(services, door, endpoint =>
            endpoint.Metadata.GetMetadata<PipeWsEndpointMetadata>()?.Hub == door.Name && (paths.Count == 0 || paths.Any(path => Serves(endpoint, path))));
        if (found is not null)
        {
            throw new InvalidOperationException(
                $"PipeWsConnectionHandler would serve the hub '{door.Name}' without the authorization of the endpoint '{found.DisplayName ?? found.RoutePattern.RawText}'. "
                + "Give the hub an authenticator and the same policies (RequireAuthorization), name other paths in PipeWsOptions.HandlerPaths, give what needs authorization a hub of its own, or let the endpoint allow anonymous connections.");
        }
    }

    // Only the mapped door has the application's authentication.
    private static void ThrowIfClosed(string what, HubDoor door)
    {
        if (door.Identity is { HasAuthenticator: false, RequiresUser: true })
        {
            throw new InvalidOperationException(
                $"{what} would serve the hub '{door.Name}', which requires authentication and has no authenticator: nobody could come in. Give it one (UseJwtBearer, UseStaticTokens, UseAuthenticator), or use MapPipeWs.");
        }
    }

    private static RouteEndpoint? FindUncovered(IServiceProvider services, HubDoor door, Func<RouteEndpoint, bool> isServed)
    {
        AuthorizationPolicy? byDefault = services.GetService<IOptions<AuthorizationOptions>>()?.Value.FallbackPolicy;
        return services.GetService<EndpointDataSource>()?.Endpoints.OfType<RouteEndpoint>()
            .FirstOrDefault(endpoint => isServed(endpoint) && AsksForAuthorization(endpoint, byDefault is not null) && !IsCovered(services, endpoint, byDefault, door.Identity));
    }

    private static bool IsCovered(IServiceProvider services, RouteEndpoint endpoint, AuthorizationPolicy? byDefault, HubIdentity? identity)
    {
        if (identity is null || services.GetService<IAuthorizationPolicyProvider>() is not { } provider)
        {
            return false;
        }

        EndpointMetadataCollection metadata = endpoint.Metadata;
        IEnumerable<IAuthorizationRequirement> asked = AuthorizationPolicy
            .CombineAsync(provider, metadata.GetOrderedMetadata<IAuthorizeData>(), metadata.GetOrderedMetadata<AuthorizationPolicy>()).GetAwaiter().GetResult()?.Requirements
            ?? byDefault?.Requirements
            ?? [];
        IAuthorizationRequirement[] held = [.. identity.Requirements];
        return asked.Concat(metadata.GetOrderedMetadata<IAuthorizationRequirementData>().SelectMany(static data => data.GetRequirements()))
            .All(requirement => (requirement is DenyAnonymousAuthorizationRequirement && identity.RequiresUser) || held.Any(own => IsSame(own, requirement)));
    }

    private static bool IsSame(IAuthorizationRequirement own, IAuthorizationRequirement asked) => ReferenceEquals(own, asked) || (own, asked) switch
    {
        (DenyAnonymousAuthorizationRequirement, DenyAnonymousAuthorizationRequirement) => true,
        (RolesAuthorizationRequirement a, RolesAuthorizationRequirement b) => a.AllowedRoles.ToHashSet(StringComparer.Ordinal).SetEquals(b.AllowedRoles),
        _ => false,
    };

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
            && (byDefault
                || metadata.GetMetadata<IAuthorizeData>() is not null
                || metadata.GetMetadata<AuthorizationPolicy>() is not null
                || metadata.GetMetadata<IAuthorizationRequirementData>() is not null);
    }
}
