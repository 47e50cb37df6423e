using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hosting;

/// <summary>The configuration changes while the server runs.</summary>
public sealed class LiveOptionsTests
{
    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task A_changed_limit_applies_at_once_and_an_invalid_one_not_at_all(Door door)
    {
        IConfigurationRoot configuration = Configuration(("PipeWs:MaxConnections", "1"));
        await using HubServer server = await HubServer.JsonAsync(door, services: services => services.AddSingleton<IConfiguration>(configuration));
        await AssertRefusedAsync(server, "(1, MaxConnections)");

        Change(configuration, ("PipeWs:MaxConnections", "2"));
        await using RawPeer second = await server.OpenAsync();
        await AssertRefusedAsync(server, "(2, MaxConnections)");
        LogLines.Line changed = Assert.Single(server.Server.Log.PipeWs, line => line.Id.Id == 2320);
        Assert.Equal("PipeWs:MaxConnections changed from '1' to '2', which takes effect: AtOnce", changed.Text);
        Assert.Equal(2, server.Server.App.Services.GetRequiredService<IOptionsMonitor<PipeWsOptions>>().CurrentValue.MaxConnections);

        foreach ((string value, string why) in new[] { ("0", "PipeWs:MaxConnections is '0'; it must be between 1 and 2147483647"), ("many", "PipeWs:MaxConnections") })
        {
            Change(configuration, ("PipeWs:MaxConnections", value), ("PipeWs:MaxRooms", "7"));
            LogLines.Line refused = server.Server.Log.PipeWs[^1];
            Assert.Equal((2321, LogLevel.Error), (refused.Id.Id, refused.Level));
            Assert.Contains(why, refused.Text, StringComparison.Ordinal);
            Assert.Equal((2, 100_000), (server.Hub.Options.MaxConnections, server.Hub.Options.MaxRooms));
        }

        Change(configuration, ("PipeWs:MaxConnections", "3"));
        await using RawPeer third = await server.OpenAsync();
        Assert.Equal(7, server.Hub.Options.MaxRooms);
    }

    [Fact]
    public async Task Origins_change_at_once()
    {
        IConfigurationRoot configuration = Configuration();
        await using HubServer server = await HubServer.JsonAsync(services: services => services.AddSingleton<IConfiguration>(configuration));
        string handshake = RawPeer.Handshake(more: "Origin: https://app.example");
        await using (RawPeer foreign = await server.Server.ConnectAsync())
        {
            await foreign.SendAsync(handshake);
            Assert.Equal(403, (await foreign.ReadAnswerAsync()).StatusCode);
        }

        Change(configuration, ("PipeWs:AllowedOrigins:0", "https://app.example"));
        await using RawPeer known = await server.OpenAsync(handshake);
    }

    [Fact]
    public async Task Compression_that_code_uses_is_turned_off_and_on_again()
    {
        IConfigurationRoot configuration = Configuration();
        await using HubServer server = await HubServer.JsonAsync(services: services =>
        {
            services.AddSingleton<IConfiguration>(configuration);
            services.AddPipeWs().UseCompression(static compression => compression.ThresholdBytes = 5);
        });
        Assert.Equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover", await AgreeAsync());

        Change(configuration, ("PipeWs:Compression:Enabled", "false"));
        Assert.Null(await AgreeAsync());
        Assert.Contains(server.Server.Log.PipeWs, static line => line.Text == "PipeWs:Compression:Enabled changed from 'True' to 'False', which takes effect: NewConnections");

        Change(configuration, ("PipeWs:Compression:Enabled", "true"), ("PipeWs:Compression:ServerMaxWindowBits", "12"));
        Assert.Equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12", await AgreeAsync());

        async Task<string?> AgreeAsync()
        {
            await using RawPeer peer = await server.Server.ConnectAsync();
            await peer.SendAsync(RawPeer.Handshake(more: "Sec-WebSocket-Extensions: permessage-deflate"));
            HttpAnswer answer = await peer.ReadAnswerAsync();
            Assert.Equal(101, answer.StatusCode);
            return answer["Sec-WebSocket-Extensions"];
        }
    }

    [Fact]
    public async Task Connections_and_rooms_keep_what_they_began_with_and_the_next_have_what_is_new()
    {
        IConfigurationRoot configuration = Configuration(("PipeWs:MaxMessageBytes", "1000"), ("PipeWs:Rooms:MaxConnectionsPerRoom", "2"));
        await using HubServer server = await HubServer.JsonAsync(
            services: services => services.AddSingleton<IConfiguration>(configuration),
            build: builder => builder.ConfigureRooms("chat *", room => room.HistoryMessages = 7));
        await using RawPeer old = await server.OpenAsync();
        await old.SubscribeAsync("one");

        Change(configuration, ("PipeWs:MaxMessageBytes", "2000"), ("PipeWs:Rooms:MaxConnectionsPerRoom", "1"), ("PipeWs:InboundMessagesPerSecond", "0.001"), ("PipeWs:InboundMessageBurst", "2"));

        await using RawPeer fresh = await server.OpenAsync();
        await fresh.SubscribeAsync("chat 1");
        Assert.True(server.Hub.RoomRegistry.Find("chat 1") is { Options: { MaxConnectionsPerRoom: 1, HistoryMessages: 7 } });
        Assert.Equal(2, server.Hub.RoomRegistry.Find("one")!.Options.MaxConnectionsPerRoom);
        string large = $$"""{"id":"1","action":"echo","data":"{{new string('x', 1500)}}"}""";
        await fresh.SendTextAsync(large);
        Assert.Contains("\"type\":\"echo\"", await fresh.ReadTextAsync(), StringComparison.Ordinal);
        await fresh.SendTextAsync(large);
        Assert.Contains("\"code\":429", await fresh.ReadTextAsync(), StringComparison.Ordinal);
        for (int i = 0; i < 4; i++)
        {
            await old.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");
        }

        await old.SendTextAsync(large);
        await old.ReadCloseAsync(1009);
    }

    [Fact]
    public async Task A_change_that_a_pattern_of_rooms_makes_invalid_is_not_taken()
    {
        IConfigurationRoot configuration = Configuration();
        await using HubServer server = await HubServer.JsonAsync(
            services: services => services.AddSingleton<IConfiguration>(configuration),
            build: builder => builder.ConfigureRooms("chat *", room => room.HistoryMessages = room.MaxLagMessages < 100 ? -1 : 7));

        Change(configuration, ("PipeWs:Rooms:MaxLagMessages", "50"), ("PipeWs:MaxRooms", "9"));

        Assert.Equal(2321, server.Server.Log.PipeWs[^1].Id.Id);
        Assert.Equal(100_000, server.Hub.Options.MaxRooms);
        Assert.Equal(4096, server.Hub.RoomRegistry.OptionsFor("any").MaxLagMessages);
    }

    [Fact]
    public async Task The_policies_of_rooms_outlive_a_change()
    {
        IConfigurationRoot configuration = Configuration();
        await using HubServer server = await HubServer.JsonAsync(
            services: services => services.AddSingleton<IConfiguration>(configuration).AddAuthorization(),
            build: builder => builder.ConfigureRooms("secret *", room => room.RequireAuthorization()));
        await using RawPeer peer = await server.OpenAsync();
        for (int round = 0; round < 2; round++)
        {
            await peer.SendTextAsync("""{"id":"1","type":"subscribe","topic":"secret 1"}""");
            Assert.Contains("\"code\":403", await peer.ReadTextAsync(), StringComparison.Ordinal);
            Change(configuration, ("PipeWs:Rooms:MaxLagMessages", "50"));
            Assert.Equal(50, server.Hub.RoomRegistry.OptionsFor("secret 1").MaxLagMessages);
        }
    }

    [Fact]
    public async Task A_change_elsewhere_is_none_and_each_hub_has_its_own()
    {
        IConfigurationRoot configuration = Configuration(("PipeWs:Hubs:other:MaxRooms", "5"));
        await using HubServer server = await HubServer.JsonAsync(services: services =>
        {
            services.AddSingleton<IConfiguration>(configuration);
            services.AddPipeWs("other");
        });
        Hub other = server.Server.App.Services.GetRequiredKeyedService<Hub>("other");

        Change(configuration, ("Elsewhere", "1"));
        Assert.Empty(server.Server.Log.PipeWs);
        Change(configuration, ("PipeWs:Hubs:other:MaxRooms", "6"));

        Assert.StartsWith("PipeWs:Hubs:other:MaxRooms changed from '5' to '6'", Assert.Single(server.Server.Log.PipeWs).Text, StringComparison.Ordinal);
        Assert.Equal((100_000, 6), (server.Hub.Options.MaxRooms, other.Options.MaxRooms));
    }

    [Fact]
    public async Task Options_that_the_application_binds_itself_change_too()
    {
        IConfigurationRoot configuration = Configuration(("Mine:MaxRooms", "5"));
        await using HubServer server = await HubServer.JsonAsync(services: services => services.Configure<PipeWsOptions>(configuration.GetSection("Mine")));
        Assert.Equal(5, server.Hub.Options.MaxRooms);
        Change(configuration, ("Mine:MaxRooms", "6"));
        Assert.Equal(6, server.Hub.Options.MaxRooms);
    }

    [Fact]
    public async Task Keys_that_nobody_reads_are_warned_of_with_the_nearest()
    {
        IConfigurationRoot configuration = Configuration(
            ("PipeWs:MaxConections", "1"),
            ("PipeWs:maxrooms", "1"),
            ("PipeWs:Rooms:HistroyMessages", "1"),
            ("PipeWs:Banana", "1"),
            ("PipeWs:Hubs:other:Rooms:MaxLag", "1"),
            ("PipeWs:Hubs:othr:MaxRooms", "1"));
        await using HubServer server = await HubServer.JsonAsync(services: services =>
        {
            services.AddSingleton<IConfiguration>(configuration);
            services.AddPipeWs("other");
        });
        Assert.All(server.Server.Log.PipeWs, line => Assert.Equal((2322, LogLevel.Warning), (line.Id.Id, line.Level)));
        Assert.Equal(
            [
                "The configuration has PipeWs:Banana, which PipeWs does not know",
                "The configuration has PipeWs:Hubs:other:Rooms:MaxLag, which PipeWs does not know",
                "The configuration has PipeWs:Hubs:othr, which PipeWs does not know; did you mean other?",
                "The configuration has PipeWs:MaxConections, which PipeWs does not know; did you mean MaxConnections?",
                "The configuration has PipeWs:Rooms:HistroyMessages, which PipeWs does not know; did you mean HistoryMessages?",
            ],
            server.Server.Log.PipeWs.Select(line => line.Text).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_option_has_its_key()
    {
        string[] options =
        [
            .. Settable(typeof(PipeWsOptions)).Where(name => name is not ("Rooms" or "Authentication" or "Compression")),
            .. Settable(typeof(WsRoomOptions)).Select(name => $"Rooms:{name}"),
            .. Settable(typeof(WsCompressionOptions)).Append("Enabled").Select(name => $"Compression:{name}"),
            .. Settable(typeof(WsAuthenticationOptions)).Select(name => $"Authentication:{name}"),
        ];
        Assert.Equal(options.Order(StringComparer.Ordinal), OptionKeys.All.Select(key => key.Name).Order(StringComparer.Ordinal));

        // And each reads its own.
        var defaults = new PipeWsOptions();
        foreach (PropertyInfo property in typeof(PipeWsOptions).GetProperties().Where(property => property.CanWrite && property.Name != "Compression"))
        {
            var options1 = new PipeWsOptions();
            property.SetValue(options1, property.PropertyType.IsEnum ? Enum.ToObject(property.PropertyType, 1)
                : property.PropertyType == typeof(bool) ? !(bool)property.GetValue(defaults)!
                : property.PropertyType == typeof(TimeSpan) ? TimeSpan.FromSeconds(77)
                : Convert.ChangeType(77, property.PropertyType, null));
            Assert.Equal([property.Name], OptionKeys.All.Where(key => key.Read(options1) != key.Read(defaults)).Select(key => key.Name));
        }
    }

    [Fact]
    public void The_environment_sets_options_by_their_keys()
    {
        const string Name = "PipeWs__Hubs__fromenvironment__MaxConnections";
        Environment.SetEnvironmentVariable(Name, "77");
        try
        {
            var services = new ServiceCollection();
            services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddEnvironmentVariables().Build());
            services.AddPipeWs("fromenvironment");
            using ServiceProvider provider = services.BuildServiceProvider();
            Assert.Equal(77, provider.GetRequiredKeyedService<Hub>("fromenvironment").Options.MaxConnections);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Name, null);
        }
    }

    private static IEnumerable<string> Settable(Type type) => type.GetProperties().Where(property => property.GetIndexParameters().Length == 0).Select(property => property.Name);

    private static IConfigurationRoot Configuration(params (string Key, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))).Build();

    private static void Change(IConfigurationRoot configuration, params (string Key, string Value)[] settings)
    {
        foreach ((string key, string value) in settings)
        {
            configuration[key] = value;
        }

        configuration.Reload();
    }

    private static async Task AssertRefusedAsync(HubServer server, string words)
    {
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(RawPeer.Handshake());
        HttpAnswer answer = await peer.ReadAnswerAsync();
        Assert.Equal(503, answer.StatusCode);
        Assert.Contains(words, answer.Body, StringComparison.Ordinal);
    }
}
