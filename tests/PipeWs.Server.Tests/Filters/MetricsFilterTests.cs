using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Filters;

public sealed class MetricsFilterTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_are_measured_by_mapped_action_and_error_wherever_recovery_stands(bool recoversInside)
    {
        var measured = new ConcurrentQueue<string>();
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: builder =>
        {
            builder.UseMetrics();
            if (recoversInside)
            {
                builder.UseRecovery();
            }

            builder
                .OnBinary(static _ => default)
                .MapAction("fail", static _ => throw new InvalidOperationException())
                .MapAction("later", static async _ => await Task.Yield());
        });
        using MeterListener listener = Listen(server, measured);
        await using RawPeer peer = await server.OpenAsync();

        await peer.AskAsync("""{"id":"1","action":"echo","data":1}""", """{"id":"1","type":"echo","data":1}""");
        await peer.AskAsync("""{"id":"1","action":"later"}""", """{"id":"1","type":"ack"}""");
        await peer.AskAsync("""{"id":"1","action":"made up"}""", """{"id":"1","type":"error","code":404,"data":"unknown action \"made up\""}""");
        await peer.AskAsync("""{"id":"1","action":"fail"}""", """{"id":"1","type":"error","code":500,"data":"internal error"}""");
        await peer.SendFrameAsync(Opcode.Binary, [1]);
        await peer.AskAsync("""{"id":"1","type":"ping"}""", """{"id":"1","type":"pong"}""");
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);

        Assert.Equal(
            ["echo", "later", "_unknown 404", recoversInside ? "fail 500" : "fail System.InvalidOperationException", "_binary", "ping"],
            measured);
    }

    [Fact]
    public async Task Raw_text_is_measured_as_such()
    {
        var measured = new ConcurrentQueue<string>();
        await using HubServer server = await HubServer.StartAsync(
            Door.Fast,
            false,
            null,
            static builder => builder.UseMetrics().OnText(static context => context.Connection.SendAsync(context.Payload, context.Type)),
            speaksJson: false,
            hasBystander: false);
        using MeterListener listener = Listen(server, measured);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("hello", "hello");
        await peer.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Equal(["_text"], measured);
    }

    private static MeterListener Listen(HubServer server, ConcurrentQueue<string> measured)
    {
        IMeterFactory factory = server.Server.App.Services.GetRequiredService<IMeterFactory>();
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, factory) && instrument.Name == "pipews.server.message.duration")
                {
                    Assert.Equal(("PipeWs.Server", "s"), (instrument.Meter.Name, instrument.Unit));
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
        {
            Assert.InRange(value, 0, 100);
            Dictionary<string, object?> all = new(tags.ToArray());
            Assert.Equal("", all["pipews.hub"]);
            measured.Enqueue(all.TryGetValue("error.type", out object? error) ? $"{all["pipews.action"]} {error}" : $"{all["pipews.action"]}");
        });
        listener.Start();
        return listener;
    }
}
