using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Hooks;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Filters;

/// <summary>Makes a filter when the hub starts.</summary>
internal delegate IWsMessageFilter MessageFilterFactory(FilterScope scope);

/// <inheritdoc cref="MessageFilterFactory"/>
internal delegate IWsConnectionFilter ConnectionFilterFactory(FilterScope scope);

/// <summary>What filters are made with, and what has to be disposed of with the hub.</summary>
internal sealed class FilterScope(string hubName, HubRegistration registration, IServiceProvider services, HubHooks hooks, ILoggerFactory loggers, TimeProvider time) : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly Dictionary<string, RateLimitFilter> _namedLimits = new(StringComparer.Ordinal);

    public string HubName => hubName;

    public HubRegistration Registration => registration;

    public IServiceProvider Services => services;

    public HubHooks Hooks => hooks;

    public HubCounters Counters => hooks.Counters;

    public TimeProvider Time => time;

    public ILogger Logger { get; } = loggers.CreateLogger("PipeWs.Server.Filters");

    /// <summary>Disposes of it with the hub, where it can be.</summary>
    public T Own<T>(T made)
    {
        if (made is IDisposable disposable)
        {
            _owned.Add(disposable);
        }

        return made;
    }

    /// <summary>A service of the application's, or an object of the hub's own made with them.</summary>
    public T GetOrCreate<[System.Diagnostics.CodeAnalysis.DynamicallyAccessedMembers(System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.PublicConstructors)] T>()
        where T : class =>
        services.GetService<T>() ?? Own(ActivatorUtilities.CreateInstance<T>(services));

    /// <summary>The limit of this name: one object, whoever asks.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public RateLimitFilter RateLimit(string name)
    {
        if (_namedLimits.TryGetValue(name, out RateLimitFilter? made))
        {
            return made;
        }

        if (!registration.RateLimits.TryGetValue(name, out WsRateLimitOptions? options))
        {
            throw new InvalidOperationException($"There is no rate limit named \"{name}\": define it with AddRateLimit(\"{name}\", ...).");
        }

        return _namedLimits[name] = Own(new RateLimitFilter(options, this));
    }

    public void Dispose()
    {
        foreach (IDisposable owned in _owned)
        {
            owned.Dispose();
        }

        _owned.Clear();
    }
}
