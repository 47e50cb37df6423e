using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using PipeWs.Demo.Display;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Tests.Fakes;
using Spectre.Console;

namespace PipeWs.Demo.Tests.Display;

public class StatusServiceTests
{
    [Fact]
    public async Task Into_a_file_go_the_addresses_and_a_line_every_ten_seconds()
    {
        using var output = new StringWriter();
        var desk = new TestDesk();
        var recording = Recordings.Of(Recordings.Trade(0, "BTCUSDT", 1, "61837.63000000", "1.0"));
        using var feed = new ReplayFeed(recording, desk.Pipeline, desk.Time, 1, NullLogger<ReplayFeed>.Instance);
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        using var started = new CancellationTokenSource();
        using var service = new StatusService(
            new DeskStatus(desk.Hub, feed, desk.Market, desk.Counters, desk.Time), Server("http://127.0.0.1:8080"), console, desk.Time, Lifetime(started.Token));

        await service.StartAsync(CancellationToken.None);
        Assert.Equal("", output.ToString());
        await started.CancelAsync();
        await WaitAsync(() => desk.Time.WaitingTimers == 1);
        Assert.Equal(
            $"""
            Market desk: http://127.0.0.1:8080
            Sockets:     ws://127.0.0.1:8080/ws  ws://127.0.0.1:8080/api/v1/ws
            Ctrl+C ends it. --help shows the options.

            """,
            output.ToString());

        desk.Time.Advance(TimeSpan.FromSeconds(10));
        await WaitAsync(() => desk.Time.WaitingTimers == 1);
        Assert.EndsWith("0 connections | 0 published/s | 0 delivered/s | 00:00 of 00:00, round 1, 1x | BTC-USDT - | ETH-USDT -\n", output.ToString(), StringComparison.Ordinal);
        await service.StopAsync(CancellationToken.None);
    }

    private static IServer Server(string address)
    {
        var addresses = Substitute.For<IServerAddressesFeature>();
        addresses.Addresses.Returns([address]);
        var features = new FeatureCollection();
        features.Set(addresses);
        var server = Substitute.For<IServer>();
        server.Features.Returns(features);
        return server;
    }

    private static IHostApplicationLifetime Lifetime(CancellationToken started)
    {
        var lifetime = Substitute.For<IHostApplicationLifetime>();
        lifetime.ApplicationStarted.Returns(started);
        return lifetime;
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
