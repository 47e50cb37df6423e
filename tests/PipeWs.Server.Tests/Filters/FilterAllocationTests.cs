using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;
using PipeWs.Server.Tests.Routing;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Filters;

/// <summary>What filters and hooks cost while everything completes synchronously: 0 bytes a message, each of them and all together.</summary>
[Collection(AloneCollection.Name)]
public sealed class FilterAllocationTests
{
    private static readonly AuthorizationPolicy s_policy = new AuthorizationPolicyBuilder().RequireAssertion(static _ => true).CachePerConnection().Build();

    private static readonly Dictionary<string, Action<IPipeWsBuilder>> s_filters = new(StringComparer.Ordinal)
    {
        ["none"] = static _ => { },
        ["lambda"] = static builder => builder.UseFilter(static (context, next) => next(context)),
        ["async lambda"] = static builder => builder.UseFilter(static async (context, next) => await next(context)),
        ["logging"] = static builder => builder.UseLogging(),
        ["recovery"] = static builder => builder.UseRecovery(),
        ["rate limit"] = static builder => builder.UseRateLimit(static limit => limit.TokenLimit = int.MaxValue),
        ["rate limit by user"] = static builder => builder.UseRateLimit(static limit => (limit.TokenLimit, limit.Partition) = (int.MaxValue, WsRateLimitPartition.User)),
        ["rate limit by address"] = static builder => builder.UseRateLimit(static limit => (limit.TokenLimit, limit.Partition) = (int.MaxValue, WsRateLimitPartition.Address)),
        ["authorization"] = static builder => builder.UseAuthorization(s_policy),
        ["metrics"] = static builder => builder.UseMetrics(),
        ["hooks"] = static builder => builder.OnMessage(static _ => WsDecision.Allow).OnMessage(static _ => WsDecision.Allow).OnError(static _ => default),
    };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (string filter in (string[])[.. s_filters.Keys, "all"])
            {
                cases.Add(filter, false);
                cases.Add(filter, true);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_message_through_filters_allocates_nothing(string filter, bool isRaw)
    {
        byte[] answer = """{"ok":true}"""u8.ToArray();
        var services = new ServiceCollection();
        IPipeWsBuilder builder = services.AddPipeWs();
        foreach ((string name, Action<IPipeWsBuilder> add) in s_filters)
        {
            if (filter == "all" || filter == name)
            {
                add(builder);
            }
        }

        if (isRaw)
        {
            builder.OnText(static context => context.Connection.SendAsync(context.Payload.First, context.Type));
        }
        else
        {
            builder.MapAction("act", context => context.ReplyAsync("ok", answer), static route => route.UseFilter(static (context, next) => next(context)));
        }

        using ServiceProvider provider = services.BuildServiceProvider();
        Hub hub = provider.GetRequiredKeyedService<Hub>("");
        using MeterListener listener = Listen(provider);
        var connection = new RecordingConnection { CountOnly = true };
        var context = new RequestContext(hub, connection, provider);
        var payload = new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes("""{"id":"7","action":"act","data":{"symbol":"BTC-USDT"}}"""));

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                Assert.True(hub.Router.DispatchAsync(context, payload, WsMessageType.Text).IsCompletedSuccessfully);
            }
        }));
        Assert.Equal(11_000, connection.SentCount);
    }

    [Fact]
    public void Hooks_that_complete_synchronously_allocate_nothing()
    {
        using var hub = new TestHub(register: static registration =>
        {
            registration.ConnectHooks.Add(static _ => WsDecision.Allow);
            registration.JoinRoomHooks.Add(static (_, _) => WsDecision.Allow);
            registration.JoinRoomHooks.Add(static async (_, _) => await new ValueTask<WsDecision>(WsDecision.Allow));
            registration.DisconnectHooks.Add(static (_, _) => default);
            registration.LeaveRoomHooks.Add(static _ => default);
        });
        var connection = new RecordingConnection();
        var info = new WsCloseInfo(1000, "", WsCloseInitiator.Remote, WasClean: true);

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                Assert.True(hub.Hub.Hooks.Connect!.AskAsync(connection).IsCompletedSuccessfully);
                Assert.True(hub.Hub.Hooks.JoinRoom!.AskAsync((connection, "lobby")).IsCompletedSuccessfully);
                Assert.True(hub.Hub.Hooks.LeaveRoom!.TellAsync(new WsRoomEvent("lobby", connection, 0)).IsCompletedSuccessfully);
                Assert.True(hub.Hub.Hooks.Disconnect!.TellAsync((connection, info)).IsCompletedSuccessfully);
            }
        }));
    }

    /// <summary>Listens to the hub's meter, so that what is measured is measured.</summary>
    private static MeterListener Listen(ServiceProvider provider)
    {
        IMeterFactory? factory = provider.GetService<IMeterFactory>();
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (factory is not null && ReferenceEquals(instrument.Meter.Scope, factory))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }
}
