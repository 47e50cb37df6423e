using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's guide to what can be seen inside, compiled.</summary>
internal static class DiagnosticsExamples
{
    internal static void Statistics(WebApplication app)
    {
        app.MapPipeWsStats("/ws/stats").RequireAuthorization("operators");
    }

    internal static void ByCode(IWsHub hub)
    {
        WsHubStatistics statistics = hub.GetStatistics(maxRooms: 10);
        Console.WriteLine($"{statistics.Connections.Open} connections, {statistics.Rates.MessagesSent:N0} messages a second");
        foreach (WsRoomStatistics room in statistics.Rooms)
        {
            Console.WriteLine($"{room.Name}: {room.Members} members, head {room.Head}, the slowest {room.MaxLag} behind");
        }
    }

    internal static void Health(IServiceCollection services, WebApplication app)
    {
        services.AddHealthChecks().AddPipeWs(tags: ["ready"], configure: options => options.DegradedConnections = 0.8);
        app.MapHealthChecks("/healthz");
    }
}
