using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;
using PipeWs.Server.Diagnostics;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps a hub's statistics.</summary>
public static class PipeWsStatsEndpointRouteBuilderExtensions
{
    private static readonly string[] s_methods = [HttpMethods.Get];

    /// <summary>
    /// Answers GET with what a hub is doing, as JSON: <see cref="IWsHub.GetStatistics"/>. The query <c>rooms=100</c> says how many rooms are listed, those with the
    /// most members first, 0 to 10,000; <c>room=name</c> asks for one room. Anything else is answered with 400.
    /// </summary>
    /// <remarks>It names rooms and says how large they are: outside a private network, ask for authorization with <c>RequireAuthorization</c> or <c>RequireHost</c>.</remarks>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The route pattern. Default <c>/ws/stats</c>.</param>
    /// <param name="hub">The hub's name.</param>
    /// <exception cref="InvalidOperationException">There is no such hub.</exception>
    public static IEndpointConventionBuilder MapPipeWsStats(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern = "/ws/stats", string hub = "")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(hub);
        IWsHub found = endpoints.ServiceProvider.GetKeyedService<IWsHub>(hub) ?? throw new InvalidOperationException(hub.Length == 0
            ? "There is no PipeWs hub: call services.AddPipeWs()."
            : $"There is no PipeWs hub named '{hub}': call services.AddPipeWs(\"{hub}\").");
        return endpoints.MapMethods(pattern, s_methods, new StatisticsEndpoint(found).OnRequestAsync).WithDisplayName($"WebSocket statistics {pattern}");
    }
}
