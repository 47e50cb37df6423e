using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NSubstitute;
using PipeWs.Demo.Alerts;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Market;
using PipeWs.Demo.Tests.Fakes;
using PipeWs.Demo.Trading;
using PipeWs.Server;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Desk;

public class DeskServicesTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly FakeHub _hub = new();
    private readonly CancellationTokenSource _started = new();
    private readonly CancellationTokenSource _stopping = new();

    [Fact]
    public async Task The_feed_runs_from_the_moment_the_application_started_until_it_stops()
    {
        await using var provider = Build(new DeskOptions { ShowsStatus = false });
        var service = Assert.Single(provider.GetServices<IHostedService>());
        await service.StartAsync(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Empty(_hub.RoomOf("/market/match:BTC-USDT").Published);

        await _started.CancelAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, _hub.RoomOf("/market/match:BTC-USDT").Published.Count);

        await _stopping.CancelAsync();
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(3, _hub.RoomOf("/market/match:BTC-USDT").Published.Count);
        await service.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task What_the_feed_brings_reaches_every_service()
    {
        await using var provider = Build(new DeskOptions { Speed = 10, ShowsStatus = false });
        var feed = provider.GetRequiredService<IMarketFeed>();
        feed.Start();
        _time.Advance(TimeSpan.FromSeconds(0.1));
        var market = provider.GetRequiredService<IMarketData>();
        Assert.True(market.TryFind("BTCUSDT", out var btc));
        Assert.Equal(102, market.Quote(btc).LastPrice);
        Assert.True(provider.GetRequiredService<IOrderBooks>()[btc].IsSynchronized);
        Assert.Equal(2, provider.GetRequiredService<IAlertService>().Recent.Count);

        provider.GetRequiredService<ITradingService>().Execute("ann", new TradeOrder(btc, OrderSide.Buy, 1));
        provider.GetRequiredService<ITradingService>().UpdateStops("ann", btc, new StopChange(false, null, true, 102.5m));
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Empty(provider.GetRequiredService<IPortfolioService>().View("ann").Positions);
        Assert.Equal(10, feed.Position.Speed);
    }

    private ServiceProvider Build(DeskOptions options)
    {
        var lifetime = Substitute.For<IHostApplicationLifetime>();
        lifetime.ApplicationStarted.Returns(_started.Token);
        lifetime.ApplicationStopping.Returns(_stopping.Token);
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(lifetime);
        services.AddSingleton<TimeProvider>(_time);
        services.AddSingleton<IWsHub>(_hub);
        services.AddDesk(options, new RecordingSource(Recordings.Of(
            Recordings.Snapshot(0, 10, """[["99.0","5.0"]]""", """[["101.0","5.0"]]"""),
            Recordings.Depth(0, "BTCUSDT", 11, 12, """[["99.0","6.0"]]""", "[]"),
            Recordings.Trade(0.1, "BTCUSDT", 1, "100.0", "1.0"),
            Recordings.Trade(0.2, "BTCUSDT", 2, "101.0", "1.0"),
            Recordings.Trade(0.9, "BTCUSDT", 3, "102.0", "1.0"),
            Recordings.Trade(1.5, "BTCUSDT", 4, "103.0", "1.0")), options.Speed));
        return services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }
}
