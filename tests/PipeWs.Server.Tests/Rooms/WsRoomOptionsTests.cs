using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Rooms;

public sealed class WsRoomOptionsTests
{
    public static TheoryData<string, Action<WsRoomOptions>> Wrong => new()
    {
        { "HistoryMessages is '-1'; it must be between 0 and 1048576.", options => options.HistoryMessages = -1 },
        { "HistoryMessages is '1048577'; it must be between 0 and 1048576.", options => options.HistoryMessages = 1_048_577 },
        { "MaxLagMessages is '0'; it must be between 1 and 1048576.", options => options.MaxLagMessages = 0 },
        { "MaxLagMessages is '2147483647'; it must be between 1 and 1048576.", options => options.MaxLagMessages = int.MaxValue },
        { "MaxLogBytes is '-1'; it must be between 0 and 9223372036854775807.", options => options.MaxLogBytes = -1 },
        { "MaxConflationKeys is '0'; it must be between 1 and 2147483647.", options => options.MaxConflationKeys = 0 },
        { "MaxConnectionsPerRoom is '-1'; it must be between 0 and 2147483647.", options => options.MaxConnectionsPerRoom = -1 },
        { "HistoryAge is '00:00:00'; it must be more than 00:00:00 or infinite (-00:00:00.0010000).", options => options.HistoryAge = TimeSpan.Zero },
        { "SlowConsumerPolicy is '9'; it must be one of Disconnect, Skip, Conflate, Unsubscribe.", options => options.SlowConsumerPolicy = (WsSlowConsumerPolicy)9 },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task A_wrong_option_stops_the_application_from_starting(string words, Action<WsRoomOptions> set)
    {
        OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(
            () => TestServer.StartAsync(Door.Fast, isSecure: false, services => services.AddPipeWs(options => set(options.Rooms))));
        Assert.Equal([$"PipeWs:Rooms:{words}"], refused.Failures);

        refused = await Assert.ThrowsAsync<OptionsValidationException>(
            () => TestServer.StartAsync(Door.Fast, isSecure: false, services => services.AddPipeWs().ConfigureRooms("feed:*", set)));
        Assert.Equal([$"PipeWs rooms 'feed:*': {words}"], refused.Failures);
    }

    [Fact]
    public async Task The_largest_and_the_longest_are_allowed()
    {
        await using HubServer server = await HubServer.JsonAsync(configure: Set, build: builder => builder.ConfigureRooms("feed:*", options => options.MaxConnectionsPerRoom = int.MaxValue));
        await using RawPeer peer = await server.OpenAsync();
        await peer.SubscribeAsync("feed:a");
        server.Hub.Room("feed:a").Publish("1"u8.ToArray());
        Assert.Equal(1, (await peer.ReadJsonAsync()).GetProperty("sn").GetInt64());

        static void Set(PipeWsOptions options)
        {
            options.Rooms.HistoryMessages = 1_048_576;
            options.Rooms.MaxLagMessages = 1_048_576;
            options.Rooms.HistoryAge = Timeout.InfiniteTimeSpan;
            options.Rooms.MaxLogBytes = long.MaxValue;
        }
    }
}
