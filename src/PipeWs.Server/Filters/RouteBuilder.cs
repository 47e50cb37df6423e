using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server.Filters;

/// <summary>Collects one action's filters.</summary>
internal sealed class RouteBuilder(string action, IServiceCollection services) : IWsRouteBuilder
{
    private readonly List<MessageFilterFactory> _filters = [];

    public string Action => action;

    /// <summary>What <paramref name="configure"/> adds to an action.</summary>
    public static IReadOnlyList<MessageFilterFactory> Build(string action, IServiceCollection services, Action<IWsRouteBuilder>? configure)
    {
        if (configure is null)
        {
            return [];
        }

        var builder = new RouteBuilder(action, services);
        configure(builder);
        return builder._filters;
    }

    public IWsRouteBuilder UseFilter(IWsMessageFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return Add(_ => filter);
    }

    public IWsRouteBuilder UseFilter(Func<WsMessageContext, WsMessageDelegate, ValueTask> filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return Add(_ => new DelegateMessageFilter(filter));
    }

    public IWsRouteBuilder UseFilter<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>()
        where T : class, IWsMessageFilter =>
        Add(static scope => scope.GetOrCreate<T>());

    public IWsRouteBuilder RequireRateLimit(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Add(scope => scope.RateLimit(name));
    }

    public IWsRouteBuilder RequireRateLimit(Action<WsRateLimitOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var options = new WsRateLimitOptions { Name = action };
        configure(options);
        options.Validate();
        return Add(scope => scope.Own(new RateLimitFilter(options, scope)));
    }

    public IWsRouteBuilder RequireAuthorization() => Authorize(null, null);

    public IWsRouteBuilder RequireAuthorization(string policy)
    {
        ArgumentException.ThrowIfNullOrEmpty(policy);
        return Authorize(policy, null);
    }

    public IWsRouteBuilder RequireAuthorization(AuthorizationPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Authorize(null, policy);
    }

    private RouteBuilder Authorize(string? name, AuthorizationPolicy? policy)
    {
        services.AddAuthorization();
        return Add(scope => AuthorizationFilter.Create(scope, name, policy));
    }

    private RouteBuilder Add(MessageFilterFactory filter)
    {
        _filters.Add(filter);
        return this;
    }
}
