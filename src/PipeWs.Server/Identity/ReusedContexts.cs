using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server.Identity;

/// <summary>
/// Contexts that are used again for the next request of the same connection, or stream. The host does so by itself with its own factory and with no other, and a factory in front of that must not
/// cost every request of the application a context.
/// </summary>
internal sealed class ReusedContexts
{
    private static readonly object s_key = new();

    private readonly DefaultHttpContextFactory _factory;

    private ReusedContexts(DefaultHttpContextFactory factory) => _factory = factory;

    /// <summary>Null where the host would not use contexts again either: the factory is the application's own, or IHttpContextAccessor may give a context to whoever keeps it.</summary>
    public static ReusedContexts? Create(IHttpContextFactory factory, IServiceProvider services) =>
        factory is DefaultHttpContextFactory own && services.GetService<IHttpContextAccessor>() is null ? new ReusedContexts(own) : null;

    /// <summary>The context of a request: that of the one before, which is over, where there was one.</summary>
    public HttpContext Create(IFeatureCollection features)
    {
        IDictionary<object, object?>? kept = features.Get<IPersistentStateFeature>()?.State;
        if (kept is not null && kept.TryGetValue(s_key, out object? before))
        {
            var again = (DefaultHttpContext)before!;
            again.Initialize(features);
            return again;
        }

        HttpContext made = _factory.Create(features);
        if (kept is not null)
        {
            kept[s_key] = made;
        }

        return made;
    }

    /// <summary>The request is over.</summary>
    public static void Return(HttpContext context) => (context as DefaultHttpContext)?.Uninitialize();
}
