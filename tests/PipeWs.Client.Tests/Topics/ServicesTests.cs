using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Topics;

public sealed class ServicesTests
{
    [Fact]
    public async Task A_topic_client_is_found_by_its_name_and_lives_with_its_host()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.WelcomeAsync();
            await peer.ServeTopicsAsync();
        });
        var services = new ServiceCollection();
        services.AddPipeWsTopicClient("feed", o =>
        {
            o.Connection.Endpoints.Add(server.Uri);
            o.Connection.TransportFactory = server.Transports;
        }, startWithHost: true);
        services.AddPipeWsTopicClient("feed", o => o.AckTimeout = TimeSpan.FromSeconds(3), startWithHost: true);
        await using ServiceProvider provider = services.BuildServiceProvider();
        IHostedService host = Assert.Single(provider.GetServices<IHostedService>());
        WsTopicClient client = provider.GetRequiredKeyedService<WsTopicClient>("feed");
        Assert.Same(client, provider.GetRequiredService<WsTopicClient>());
        Assert.Equal("feed", client.Name);

        await host.StartAsync(default).Soon();
        await client.WaitForConnectionAsync().Soon();
        await host.StopAsync(default).Soon();
        Assert.Equal(WsClientState.Stopped, client.State);
    }

    [Fact]
    public async Task A_topic_client_with_wrong_options_is_not_made()
    {
        var services = new ServiceCollection();
        services.AddPipeWsTopicClient("feed", o => o.RejoinParallelism = 0);
        await using ServiceProvider provider = services.BuildServiceProvider();

        OptionsValidationException error = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService<WsTopicClient>("feed"));

        Assert.Contains("RejoinParallelism", error.Message, StringComparison.Ordinal);
    }
}
