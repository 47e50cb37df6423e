using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Options;

public sealed class OptionsTests
{
    public static TheoryData<string, Action<WsClientOptions>> Bad => new()
    {
        { "Endpoints is 'empty'", o => o.Endpoints.Clear() },
        { "Endpoints is 'http://example.com/'", o => o.Endpoints.Add(new Uri("http://example.com")) },
        { "Endpoints is 'wss://example.com/'", o => o.Endpoints.Add(new Uri("wss://user:pass@example.com")) },
        { "Endpoints is 'not absolute'", o => o.Endpoints.Add(new Uri("/ws", UriKind.Relative)) },
        { "Subprotocols is 'a b'", o => o.Subprotocols.Add("a b") },
        { "Subprotocols is 'v1, v1'; it must be without one that is named twice", o => ((List<string>)["v1", "v1"]).ForEach(o.Subprotocols.Add) },
        { "Origin is 'a\nb'", o => o.Origin = "a\nb" },
        { "Headers is 'a b'", o => o.Headers["a b"] = "x" },
        { "Headers[X-Key] is 'not shown here'; it must be visible ASCII", o => o.Headers["X-Key"] = "pass\r\nX-Evil: 1" },
        { "Headers[X-Key] is 'null'", o => o.Headers["X-Key"] = null! },
        { "Headers is 'Sec-WebSocket-Key'", o => o.Headers["Sec-WebSocket-Key"] = "x" },
        { "Compression.ClientMaxWindowBits is '7'", o => o.Compression = new() { ClientMaxWindowBits = 7 } },
        { "Compression.Level is '10'", o => o.Compression = new() { Level = 10 } },
        { "DialTimeout is '00:00:00'", o => o.DialTimeout = TimeSpan.Zero },
        { "CloseTimeout", o => o.CloseTimeout = TimeSpan.FromDays(40) },
        { "PongTimeout", o => o.PongTimeout = Timeout.InfiniteTimeSpan },
        { "StableAfter", o => o.StableAfter = TimeSpan.FromSeconds(-1) },
        { "ReadMessageBuffer is '0'", o => o.ReadMessageBuffer = 0 },
        { "WriteMessageBuffer is '0'", o => o.WriteMessageBuffer = 0 },
        { "OfflineQueueCount is '-1'", o => o.OfflineQueueCount = -1 },
        { "MaxMessageBytes", o => o.MaxMessageBytes = 0 },
        { "ReadFullMode is '9'", o => o.ReadFullMode = (WsBufferFullMode)9 },
        { "ReconnectPolicy is 'null'", o => o.ReconnectPolicy = null! },
        { "TokenParameter", o => (o.TokenPlacement, o.TokenParameter) = (WsTokenPlacement.Query, "") },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_option_is_named_with_its_value_and_what_is_allowed(string message, Action<WsClientOptions> configure)
    {
        var options = new WsClientOptions { Name = "feed", Endpoints = { new Uri("wss://example.com") } };
        configure(options);

        var error = Assert.Throws<OptionsValidationException>(() => new WsClient(options));
        Assert.Contains("PipeWs client 'feed': ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pass", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_options_are_copied()
    {
        var options = new WsClientOptions { Endpoints = { new Uri("wss://example.com") } };
        var client = new WsClient(options);
        options.Endpoints.Clear();
        options.Headers["X"] = "y";

        Assert.Single(client.Options.Endpoints);
        Assert.Empty(client.Options.Headers);
    }

    [Fact]
    public void The_builder_sets_the_options_of_its_steps()
    {
        var tokens = new CountingTokens();
        var proxy = new WebProxy("http://proxy.test:3128");
        WsClientOptions options = new WsClientBuilder("wss://a.test/", "wss://b.test/")
            .WithName("feed")
            .WithBearerToken("t")
            .WithHeader("X", "y")
            .WithQuery("q", "r")
            .WithSubprotocols("v1", "v2")
            .WithProxy(proxy)
            .WithTokenProvider(tokens, WsTokenPlacement.Query)
            .WithPing(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2))
            .WithReadBuffer(3, WsBufferFullMode.DropOldest, 4)
            .WithWriteBuffer(5, WsBufferFullMode.Fail)
            .WithOfflineQueue(6, TimeSpan.FromSeconds(7))
            .WithFixedInterval(maxAttempts: 0)
            .WithRetryOfFirstDial()
            .OnMessage((_, _, _) => default)
            .OnReady((_, _) => default)
            .Configure(o => o.MaxMessageBytes = 8)
            .Build()
            .Options;

        Assert.Equal(["wss://a.test/", "wss://b.test/"], options.Endpoints.Select(endpoint => endpoint.ToString()));
        Assert.Equal(("feed", "Bearer t", "y", "r"), (options.Name, options.Headers["Authorization"], options.Headers["X"], options.Query["q"]));
        Assert.Equal(["v1", "v2"], options.Subprotocols);
        Assert.Same(proxy, options.Proxy);
        Assert.Same(tokens, options.TokenProvider);
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)), (options.PingInterval, options.PongTimeout));
        Assert.Equal((3, 4L, WsBufferFullMode.DropOldest), (options.ReadMessageBuffer, options.ReadBufferBytes, options.ReadFullMode));
        Assert.Equal((5, WsBufferFullMode.Fail, 6, TimeSpan.FromSeconds(7)), (options.WriteMessageBuffer, options.WriteFullMode, options.OfflineQueueCount, options.OfflineQueueAge));
        Assert.True(options.RetryFirstDial);
        Assert.NotNull(options.MessageHandler);
        Assert.Single(options.ReadyHandlers);
        Assert.Equal(8, options.MaxMessageBytes);
        Assert.Null(options.ReconnectPolicy.GetDelay(new WsReconnectContext(1, default, new WsDisconnect(1006, "", WsCloseInitiator.Transport, null))));
    }

    [Fact]
    public async Task A_client_is_a_keyed_service_that_the_host_starts_and_stops()
    {
        await using ScriptedServer server = ScriptedServer.InMemory(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync();
        });
        var services = new ServiceCollection();
        services.AddPipeWsClient("feed", o => o.Endpoints.Add(server.Uri), startWithHost: true).Configure(o => o.TransportFactory = server.Transports);
        services.AddPipeWsClient("feed", o => o.Query["a"] = "b", startWithHost: true);
        services.AddPipeWsClient("other", o => o.Endpoints.Add(new Uri("ftp://example.com")));
        await using ServiceProvider provider = services.BuildServiceProvider();

        var client = provider.GetRequiredKeyedService<WsClient>("feed");
        Assert.Same(client, provider.GetRequiredService<WsClient>());
        Assert.Equal("feed", client.Name);
        Assert.Equal("b", client.Options.Query["a"]);
        Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService<WsClient>("other"));
        IHostedService hosted = Assert.Single(provider.GetServices<IHostedService>());
        await hosted.StartAsync(default);
        await client.WaitForConnectionAsync().Soon();
        await hosted.StopAsync(default).Soon();
        Assert.Equal(WsClientState.Stopped, client.State);
    }
}
