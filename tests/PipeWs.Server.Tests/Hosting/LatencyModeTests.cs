using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hosting;

public sealed class LatencyModeTests
{
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    [Theory]
    [InlineData(WsLatencyMode.Balanced, WsLatencyMode.Balanced, false)]
    [InlineData(WsLatencyMode.Balanced, WsLatencyMode.LowLatency, true)]
    [InlineData(WsLatencyMode.LowLatency, WsLatencyMode.Balanced, true)]
    public void One_hub_that_asks_for_it_makes_Kestrels_sockets_go_on_where_they_are(WsLatencyMode first, WsLatencyMode second, bool isInline)
    {
        var services = new ServiceCollection();
        services.AddPipeWs(options => options.LatencyMode = first);
        services.AddPipeWs("second", options => options.LatencyMode = second);
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Equal(isInline, provider.GetRequiredService<IOptions<SocketTransportOptions>>().Value.UnsafePreferInlineScheduling);
    }

    [Fact]
    public void What_the_application_set_itself_stays()
    {
        var services = new ServiceCollection();
        services.AddPipeWs();
        services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.True(provider.GetRequiredService<IOptions<SocketTransportOptions>>().Value.UnsafePreferInlineScheduling);
    }

    [Fact]
    public void A_mode_that_is_none_is_refused_by_its_name()
    {
        var services = new ServiceCollection();
        services.AddPipeWs(options => options.LatencyMode = (WsLatencyMode)7);
        using ServiceProvider provider = services.BuildServiceProvider();

        string message = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IOptionsMonitor<PipeWsOptions>>().Get("")).Message;
        Assert.Contains("LatencyMode is '7'", message, StringComparison.Ordinal);
        Assert.Contains("Balanced, LowLatency", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Mapped)]
    public async Task Messages_are_handled_in_either_mode(Door door)
    {
        await using HubServer server = await HubServer.EchoAsync(door, configure: options => options.LatencyMode = WsLatencyMode.LowLatency);
        await server.Bystander!.AskAsync("a", "a");
        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [InlineData(null, "1")]
    [InlineData("0", "0")]
    public void Inline_sockets_are_enabled_where_the_environment_says_nothing(string? before, string after)
    {
        string? found = Environment.GetEnvironmentVariable(InlineCompletions);
        try
        {
            Environment.SetEnvironmentVariable(InlineCompletions, before);
            WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).WebHost.EnableInlineSockets();
            Assert.Equal(after, Environment.GetEnvironmentVariable(InlineCompletions));
        }
        finally
        {
            Environment.SetEnvironmentVariable(InlineCompletions, found);
        }
    }
}
