using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Diagnostics;

public sealed class HealthCheckTests
{
    [Fact]
    public async Task A_hub_is_healthy_then_degraded_from_nine_tenths_of_its_connections_on()
    {
        await using HubServer server = await StartAsync(static checks => checks.AddPipeWs());
        var peers = new List<RawPeer>();
        for (int i = 2; i <= 10; i++)
        {
            peers.Add(await server.OpenAsync());
            HealthReportEntry entry = await CheckAsync(server, "pipews");
            Assert.Equal(i < 9 ? HealthStatus.Healthy : HealthStatus.Degraded, entry.Status);
            Assert.Equal(i, entry.Data["connections"]);
            Assert.Equal(10, entry.Data["maxConnections"]);
        }

        foreach (RawPeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        await server.AssertConnectionsAsync(1);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(server, "pipews")).Status);
    }

    [Fact]
    public async Task The_share_from_which_it_is_degraded_is_an_option()
    {
        await using HubServer server = await StartAsync(static checks => checks.AddPipeWs(name: "hub", configure: static options => options.DegradedConnections = 0.1));
        HealthReportEntry entry = await CheckAsync(server, "hub");
        Assert.Equal((HealthStatus.Degraded, "1 of 10 connections."), (entry.Status, entry.Description));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void A_share_that_makes_no_sense_is_refused(double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ServiceCollection().AddHealthChecks().AddPipeWs(configure: options => options.DegradedConnections = share));

    [Fact]
    public async Task A_hub_that_drains_is_unhealthy()
    {
        await using HubServer server = await StartAsync(static checks => checks.AddPipeWs().AddPipeWs(name: "soft", failureStatus: HealthStatus.Degraded));
        Task drained = server.Hub.DrainAsync(new WsDrainOptions { Window = TimeSpan.Zero });
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(server, "pipews")).Status);
        Assert.Equal(HealthStatus.Degraded, (await CheckAsync(server, "soft")).Status);
        server.Hub.GiveUp();
        await drained.Soon();
    }

    [Fact]
    public async Task A_server_that_stops_is_unhealthy()
    {
        await using HubServer server = await StartAsync(static checks => checks.AddPipeWs());
        server.Server.App.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(server, "pipews")).Status);
    }

    [Fact]
    public async Task A_named_hub_has_a_check_of_its_own()
    {
        await using HubServer server = await StartAsync(static checks => checks.AddPipeWs("second", tags: ["ready"]).Services.AddPipeWs("second", static options => options.MaxConnections = 7));
        HealthReportEntry entry = await CheckAsync(server, "pipews:second");
        Assert.Equal((HealthStatus.Healthy, 7), (entry.Status, entry.Data["maxConnections"]));
        Assert.Equal(["ready"], entry.Tags);
    }

    private static Task<HubServer> StartAsync(Action<IHealthChecksBuilder> add) =>
        HubServer.JsonAsync(configure: static options => options.MaxConnections = 10, services: services => add(services.AddHealthChecks()));

    private static async Task<HealthReportEntry> CheckAsync(HubServer server, string name) =>
        (await server.Server.App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries[name];
}
