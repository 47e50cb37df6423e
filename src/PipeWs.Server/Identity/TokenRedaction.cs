using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server.Identity;

/// <summary>The query of a handshake as it came, where <see cref="HttpRequest.QueryString"/> is told without the token.</summary>
internal sealed record UnredactedQuery(string Value);

/// <summary>The paths at which raw doors take WebSockets off an endpoint that speaks HTTP too. Safe from any thread.</summary>
internal sealed class RawDoorPaths
{
    private readonly ConcurrentDictionary<string, bool> _paths = new(StringComparer.OrdinalIgnoreCase);

    public void Add(string path) => _paths[path] = true;

    public bool Contains(string path) => _paths.ContainsKey(path);
}

/// <summary>
/// Keeps tokens out of the logs of HTTP. The host logs the address of every request before any middleware runs, query included; what comes before it is the factory of
/// contexts. In requests for a path where a WebSocket is, asked for as one or not, the token's value is replaced in <see cref="HttpRequest.QueryString"/>, and stays in
/// <see cref="HttpRequest.Query"/>, where the application's own authentication may look for it.
/// </summary>
internal sealed class TokenRedaction(IHttpContextFactory inner, IServiceProvider services) : IHttpContextFactory
{
    private const string Replacement = "[redacted]";

    /// <summary>The name that RFC 6750, section 2.3 gives to a token in a query: the application's own authentication may look for it.</summary>
    private const string StandardParameter = "access_token";

    private readonly string[] _parameters = FindParameters(services);
    private readonly RawDoorPaths _raw = services.GetRequiredService<RawDoorPaths>();
    private readonly ReusedContexts? _reused = ReusedContexts.Create(inner, services);
    private TemplateMatcher[]? _mapped;
    private EndpointDataSource? _endpoints;

    public HttpContext Create(IFeatureCollection featureCollection)
    {
        if (featureCollection.Get<IHttpRequestFeature>() is { QueryString.Length: > 1 } request)
        {
            Redact(featureCollection, request);
        }

        return _reused is null ? inner.Create(featureCollection) : _reused.Create(featureCollection);
    }

    public void Dispose(HttpContext httpContext)
    {
        inner.Dispose(httpContext);
        if (_reused is not null)
        {
            ReusedContexts.Return(httpContext);
        }
    }

    private void Redact(IFeatureCollection features, IHttpRequestFeature request)
    {
        string query = request.QueryString;
        string redacted = query;
        foreach (string parameter in _parameters)
        {
            if (TokenReader.HasParameter(redacted, parameter, StringComparison.OrdinalIgnoreCase))
            {
                redacted = TokenReader.Redact(redacted, parameter, Replacement);
            }
        }

        if (ReferenceEquals(redacted, query) || !(_raw.Contains(request.Path) || IsMapped(request.Path)))
        {
            return;
        }

        features.Set(new UnredactedQuery(query));
        features.Set<IQueryFeature>(new QueryFeature(new QueryCollection(QueryHelpers.ParseQuery(query))));
        request.QueryString = redacted;
    }

    // With the start of the path cut off at each slash: a path base may be taken off only later.
    private bool IsMapped(string path)
    {
        TemplateMatcher[] mapped = _mapped ??= FindMapped();
        for (int slash = 0; slash >= 0; slash = path.IndexOf('/', slash + 1))
        {
            foreach (TemplateMatcher matcher in mapped)
            {
                if (matcher.TryMatch(new PathString(slash == 0 && !path.StartsWith('/') ? "/" + path : path[slash..]), []))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private TemplateMatcher[] FindMapped()
    {
        _endpoints ??= services.GetRequiredService<EndpointDataSource>();
        return [.. _endpoints.Endpoints.OfType<RouteEndpoint>()
            .Where(static endpoint => endpoint.Metadata.GetMetadata<PipeWsEndpointMetadata>() is not null)
            .Select(static endpoint => new TemplateMatcher(new RouteTemplate(endpoint.RoutePattern), []))];
    }

    private static string[] FindParameters(IServiceProvider services)
    {
        IOptionsMonitor<PipeWsOptions> options = services.GetRequiredService<IOptionsMonitor<PipeWsOptions>>();
        return [.. services.GetServices<HubName>().Select(hub => options.Get(hub.Name).Authentication.TokenParameter).Append(StandardParameter).Distinct(StringComparer.OrdinalIgnoreCase)];
    }
}

/// <summary>Registers <see cref="TokenRedaction"/>.</summary>
internal static class TokenRedactionExtensions
{
    /// <summary>Puts it around the factory of contexts that there is, or the host's own.</summary>
    public static void AddTokenRedaction(this IServiceCollection services)
    {
        if (services.Any(static service => service.ServiceType == typeof(TokenRedactionMark)))
        {
            return;
        }

        services.AddSingleton<TokenRedactionMark>();
        services.AddSingleton<RawDoorPaths>();
        ServiceDescriptor? before = services.LastOrDefault(static service => service.ServiceType == typeof(IHttpContextFactory) && !service.IsKeyedService);
        services.AddSingleton<IHttpContextFactory>(provider => new TokenRedaction(Create(provider, before), provider));
    }

    private static IHttpContextFactory Create(IServiceProvider services, ServiceDescriptor? descriptor) =>
        (IHttpContextFactory?)descriptor?.ImplementationInstance
        ?? (IHttpContextFactory?)descriptor?.ImplementationFactory?.Invoke(services)
        ?? (descriptor?.ImplementationType is { } type && type != typeof(DefaultHttpContextFactory)
            ? (IHttpContextFactory)ActivatorUtilities.CreateInstance(services, type)
            : new DefaultHttpContextFactory(services));

    private sealed class TokenRedactionMark;
}
