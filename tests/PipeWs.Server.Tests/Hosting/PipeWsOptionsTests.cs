using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hosting;

public class PipeWsOptionsTests
{
    public static TheoryData<string, Action<PipeWsOptions>, string> Bad => new()
    {
        { "MaxMessageBytes", o => o.MaxMessageBytes = 0, "0" },
        { "MaxConnections", o => o.MaxConnections = -1, "-1" },
        { "PingInterval", o => o.PingInterval = TimeSpan.Zero, "00:00:00" },
        { "HandshakeTimeout", o => o.HandshakeTimeout = TimeSpan.FromDays(100), "100.00:00:00" },
        { "AllowedOrigins", o => o.AllowedOrigins.Add("example.com"), "example.com" },
        { "Subprotocols", o => o.Subprotocols.Add("a b"), "a b" },
        { "Subprotocols", o => o.Subprotocols.Add(""), "" },
        { "DiscriminatorNames", o => o.DiscriminatorNames.Add("topic"), "topic" },
        { "DiscriminatorNames", o => { o.DiscriminatorNames.Add("op"); o.DiscriminatorNames.Add("op"); }, "op" },
        { "BodyNames", o => o.BodyNames.Add(""), "" },
        { "BodyNames", o => o.BodyNames.Add("action"), "action" },
        { "HandlerPaths", o => o.HandlerPaths.Add("ws"), "ws" },
        { "Rooms:MaxLagMessages", o => o.Rooms.MaxLagMessages = 0, "0" },
        { "Rooms:MaxLagMessages", o => o.Rooms.MaxLagMessages = int.MaxValue, "2147483647" },
        { "Rooms:HistoryMessages", o => o.Rooms.HistoryMessages = 1_048_577, "1048577" },
        { "Rooms:HistoryAge", o => o.Rooms.HistoryAge = TimeSpan.FromSeconds(-1), "-00:00:01" },
        { "Rooms:MaxConflationKeys", o => o.Rooms.MaxConflationKeys = 0, "0" },
        { "AllowedOrigins", o => { o.AllowedOrigins.Add("https://a.example"); o.AllowAnyOrigin(); }, "https://a.example" },
        { "Authentication:Timeout", o => o.Authentication.Timeout = TimeSpan.Zero, "00:00:00" },
        { "Authentication:Mode", o => o.Authentication.Mode = (WsAuthenticationMode)9, "9" },
        { "Authentication:TokenSources", o => o.Authentication.TokenSources = (WsTokenSources)8, "8" },
        { "Authentication:TokenParameter", o => o.Authentication.TokenParameter = "a b", "a b" },
        { "Authentication:TokenParameter", o => o.Authentication.TokenParameter = "", "" },
        { "Compression:ServerMaxWindowBits", o => o.Compression = new() { ServerMaxWindowBits = 7 }, "7" },
        { "Compression:ServerMinWindowBits", o => o.Compression = new() { ServerMinWindowBits = 7 }, "7" },
        { "Compression:ServerMinWindowBits", o => o.Compression = new() { ServerMinWindowBits = 16 }, "16" },
        { "Compression:ServerMinWindowBits", o => o.Compression = new() { ServerMinWindowBits = 13, ServerMaxWindowBits = 12 }, "13" },
        { "Compression:ClientMaxWindowBits", o => o.Compression = new() { ClientMaxWindowBits = 16 }, "16" },
        { "Compression:Level", o => o.Compression = new() { Level = 0 }, "0" },
        { "Compression:ThresholdBytes", o => o.Compression = new() { ThresholdBytes = -1 }, "-1" },
        { "Rooms:SlowConsumerPolicy", o => o.Rooms.SlowConsumerPolicy = (WsSlowConsumerPolicy)9, "9" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Bad_options_are_named_with_their_value_and_what_is_allowed(string option, Action<PipeWsOptions> configure, string value)
    {
        string message = Assert.Throws<OptionsValidationException>(() => Options(configure: configure)).Message;
        Assert.Contains($"PipeWs:{option} is '{value}'; it must be ", message);
    }

    [Fact]
    public void Defaults_are_good_and_so_are_pings_turned_off() =>
        Assert.Equal(10_000, Options(configure: o => o.PingInterval = Timeout.InfiniteTimeSpan).MaxConnections);

    [Fact]
    public void History_may_have_no_age() =>
        Assert.Equal(Timeout.InfiniteTimeSpan, Options(configure: o => o.Rooms.HistoryAge = Timeout.InfiniteTimeSpan).Rooms.HistoryAge);

    [Fact]
    public async Task Bad_options_of_a_patterns_rooms_keep_the_application_from_starting()
    {
        OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(() => HubServer.JsonAsync(
            build: builder => builder.ConfigureRooms("prices *", room => room.HistoryMessages = -1)));
        Assert.Contains("PipeWs rooms 'prices *': HistoryMessages is '-1'; it must be between 0 and 1048576.", refused.Message);
    }

    [Fact]
    public void The_section_is_read_first_then_code_then_the_environment()
    {
        Dictionary<string, string?> settings = new()
        {
            ["PipeWs:MaxMessageBytes"] = "2048",
            ["PipeWs:PingInterval"] = "00:00:07",
            ["PipeWs:MaxConnections"] = "5",
            ["PipeWs:AllowedOrigins:0"] = "https://a.example",
            ["PipeWs:Subprotocols:0"] = "v1",
            ["PipeWs:Rooms:SlowConsumerPolicy"] = "Skip",
            ["PipeWs:Rooms:AuthorizationPolicy"] = "members",
            ["PipeWs:Compression:ServerMaxWindowBits"] = "12",
            ["PipeWs:Compression:ServerContextTakeover"] = "true",
            ["PipeWs:Authentication:Mode"] = "FirstMessage",
            ["PipeWs:Authentication:Timeout"] = "00:00:20",
            ["PipeWs:Authentication:TokenSources"] = "Query, Subprotocol",
            ["PipeWs:Authentication:TokenParameter"] = "access_token",
            ["PipeWs:Hubs:other:MaxConnections"] = "9",
        };
        PipeWsOptions options = Options(settings, o => o.PingInterval = TimeSpan.FromSeconds(8));
        Assert.Equal(2048, options.MaxMessageBytes);
        Assert.Equal(TimeSpan.FromSeconds(8), options.PingInterval);
        Assert.Equal(5, options.MaxConnections);
        Assert.Equal(["https://a.example"], options.AllowedOrigins);
        Assert.Equal(["v1"], options.Subprotocols);
        Assert.Equal(WsSlowConsumerPolicy.Skip, options.Rooms.SlowConsumerPolicy);
        Assert.Equal("members", options.Rooms.AuthorizationPolicy);
        Assert.Equal((12, true, false), (options.Compression!.ServerMaxWindowBits, options.Compression.ServerContextTakeover, options.Compression.ClientContextTakeover));
        Assert.Null(Options(settings, name: "other").Compression);
        Assert.Equal((WsAuthenticationMode.FirstMessage, TimeSpan.FromSeconds(20)), (options.Authentication.Mode, options.Authentication.Timeout));
        Assert.Equal((WsTokenSources.Query | WsTokenSources.Subprotocol, "access_token"), (options.Authentication.TokenSources, options.Authentication.TokenParameter));
        Assert.Equal(9, Options(settings, name: "other").MaxConnections);

        settings["WEBSOCKET_MAX_CONNECTIONS"] = "77";
        Assert.Equal(77, Options(settings, o => o.MaxConnections = 6).MaxConnections);
        settings["WEBSOCKET_MAX_CONNECTIONS"] = "many";
        Assert.Contains("WEBSOCKET_MAX_CONNECTIONS is 'many'", Assert.Throws<OptionsValidationException>(() => Options(settings)).Message);
    }

    [Fact]
    public async Task Bad_options_keep_the_application_from_starting()
    {
        OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(() => TestServer.StartAsync(
            Door.Handler, isSecure: false, services => new EchoEntrance().AddTo(services, options: o => o.SendTimeout = TimeSpan.Zero)));
        Assert.Contains("SendTimeout is '00:00:00'", refused.Message);
    }

    [Fact]
    public void Adding_a_hub_twice_adds_to_its_options()
    {
        var services = new ServiceCollection();
        services.AddPipeWs(o => o.MaxConnections = 3);
        services.AddPipeWs(o => o.MaxMessageBytes = 4);
        Assert.Single(services, service => service.ServiceType == typeof(HubName));
        using ServiceProvider provider = services.BuildServiceProvider();
        PipeWsOptions options = provider.GetRequiredService<IOptions<PipeWsOptions>>().Value;
        Assert.Equal("3 4", string.Create(CultureInfo.InvariantCulture, $"{options.MaxConnections} {options.MaxMessageBytes}"));
    }

    [Fact]
    public void Compression_is_off_until_it_is_used()
    {
        Assert.Null(Options().Compression);
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["PipeWs:Hubs:b:Compression:Level"] = "3" }).Build());
        services.AddPipeWs("a").UseCompression();
        services.AddPipeWs("b").UseCompression(static compression => compression.ThresholdBytes = 512);
        using ServiceProvider provider = services.BuildServiceProvider();
        IOptionsMonitor<PipeWsOptions> options = provider.GetRequiredService<IOptionsMonitor<PipeWsOptions>>();
        Assert.Equal((15, 1, 256), (options.Get("a").Compression!.ServerMaxWindowBits, options.Get("a").Compression!.Level, options.Get("a").Compression!.ThresholdBytes));
        Assert.Equal((3, 512), (options.Get("b").Compression!.Level, options.Get("b").Compression!.ThresholdBytes));
    }

    [Theory]
    [InlineData(null, null, null, null)]
    [InlineData("true", null, null, 1)]
    [InlineData("False", null, null, null)]
    [InlineData("false", null, "6", null)]
    [InlineData(null, "true", null, 1)]
    [InlineData(null, "true", "6", 6)]
    [InlineData(null, "false", null, null)]
    [InlineData(null, "false", "6", null)]
    [InlineData(null, "", "6", 6)]
    [InlineData(null, null, "6", 6)]
    public void The_section_turns_compression_on_and_off_in_a_word(string? scalar, string? enabled, string? level, int? expected)
    {
        foreach (string name in (string[])["", "other"])
        {
            string prefix = name.Length == 0 ? "PipeWs:Compression" : "PipeWs:Hubs:other:Compression";
            Dictionary<string, string?> settings = [];
            Add(prefix, scalar);
            Add($"{prefix}:Enabled", enabled);
            Add($"{prefix}:Level", level);

            Assert.Equal(expected, Options(settings, name: name).Compression?.Level);

            void Add(string key, string? value)
            {
                if (value is not null)
                {
                    settings[key] = value;
                }
            }
        }
    }

    [Theory]
    [InlineData("PipeWs:Compression", "false", null)]
    [InlineData("PipeWs:Compression:Enabled", "false", null)]
    [InlineData("PipeWs:Compression:Enabled", "False", null)]
    [InlineData("PipeWs:Compression:Enabled", "true", 12)]
    [InlineData("PipeWs:Compression", "true", 12)]
    [InlineData("PipeWs:Compression:Enabled", "", 12)]
    [InlineData("PipeWs:Compression:Level", "6", 12)]
    [InlineData("PipeWs:MaxRooms", "1", 12)]
    public void What_the_section_turns_off_no_code_turns_on(string key, string value, int? expected)
    {
        foreach (Action<IPipeWsBuilder> use in (Action<IPipeWsBuilder>[])
            [
                static builder => builder.UseCompression(static compression => compression.ServerMaxWindowBits = 12),
                static builder => builder.Services.AddPipeWs(static options => options.Compression = new WsCompressionOptions { ServerMaxWindowBits = 12 }),
            ])
        {
            var services = new ServiceCollection();
            services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { [key] = value }).Build());
            use(services.AddPipeWs());
            services.AddPipeWs("other").UseCompression();
            using ServiceProvider provider = services.BuildServiceProvider();
            IOptionsMonitor<PipeWsOptions> options = provider.GetRequiredService<IOptionsMonitor<PipeWsOptions>>();

            Assert.Equal(expected, options.CurrentValue.Compression?.ServerMaxWindowBits);
            Assert.NotNull(options.Get("other").Compression);
        }
    }

    [Fact]
    public void What_is_off_may_say_anything_else()
    {
        Dictionary<string, string?> settings = new() { ["PipeWs:Compression:Enabled"] = "false", ["PipeWs:Compression:Level"] = "99" };
        Assert.Null(Options(settings, static options => options.Compression ??= new WsCompressionOptions()).Compression);
    }

    [Theory]
    [InlineData("PipeWs:Compression", "on")]
    [InlineData("PipeWs:Compression", "1")]
    [InlineData("PipeWs:Compression:Enabled", "yes")]
    public void Another_word_for_compression_keeps_the_application_from_starting(string key, string value)
    {
        OptionsValidationException refused = Assert.Throws<OptionsValidationException>(() => Options(new() { [key] = value }));
        Assert.Equal($"{key} is '{value}'; it must be true or false.", refused.Message);
    }

    private static PipeWsOptions Options(Dictionary<string, string?>? settings = null, Action<PipeWsOptions>? configure = null, string name = "")
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(settings ?? []).Build());
        services.AddPipeWs(name, configure);
        using ServiceProvider provider = services.BuildServiceProvider();
        return provider.GetRequiredService<IOptionsMonitor<PipeWsOptions>>().Get(name);
    }
}
