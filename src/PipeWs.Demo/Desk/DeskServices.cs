using PipeWs.Demo.Alerts;
using PipeWs.Demo.Display;
using PipeWs.Demo.Identity;
using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;
using PipeWs.Server;
using Spectre.Console;

namespace PipeWs.Demo.Desk;

/// <summary>Registers the desk's services. All are singletons behind their interfaces; the hub comes from elsewhere.</summary>
public static class DeskServices
{
    /// <summary>Adds the desk on a market.</summary>
    public static IServiceCollection AddDesk(this IServiceCollection services, DeskOptions options, IMarketSource source)
    {
        services.AddSingleton(options);
        services.AddSingleton(source);
        services.TryAddTimeProvider();
        services.AddSingleton<DeskCounters>();

        services.AddSingleton(new MarketData(source.Symbols, options.StatisticsWindow));
        services.AddSingleton<IMarketData>(provider => provider.GetRequiredService<MarketData>());
        services.AddSingleton<IOrderBooks>(provider => provider.GetRequiredService<MarketData>());
        services.AddSingleton<IMarketPublisher>(provider => new MarketPublisher(
            provider.GetRequiredService<IWsHub>(), source.Symbols, provider.GetRequiredService<DeskCounters>()));
        services.AddSingleton<IMarketSink, MarketPipeline>();
        services.AddSingleton(source.CreateFeed);

        services.AddSingleton<IPortfolioService>(provider => new PortfolioService(
            provider.GetRequiredService<IMarketData>(), provider.GetRequiredService<TimeProvider>(), options.StartingCash, options.MaxUsers));
        services.AddSingleton<TradingService>();
        services.AddSingleton<ITradingService>(provider => provider.GetRequiredService<TradingService>());
        services.AddSingleton<IPriceObserver>(provider => provider.GetRequiredService<TradingService>());
        services.AddSingleton(provider => new AlertService(
            provider.GetRequiredService<IMarketData>(), provider.GetRequiredService<IDeskNotifier>(), provider.GetRequiredService<TimeProvider>(),
            options.AlertWindow, options.AlertThresholdPercent));
        services.AddSingleton<IAlertService>(provider => provider.GetRequiredService<AlertService>());
        services.AddSingleton<IPriceObserver>(provider => provider.GetRequiredService<AlertService>());

        services.AddSingleton<IDeskIdentity, DeskIdentity>();
        services.AddSingleton(provider => new DeskTokens(provider.GetRequiredService<TimeProvider>(), options.TokenLifetime));
        services.AddSingleton<DeskSessions>();
        services.AddSingleton<DeskNotifier>();
        services.AddSingleton<IDeskNotifier>(provider => provider.GetRequiredService<DeskNotifier>());
        services.AddSingleton<DeskActions>();
        services.AddSingleton<DeskStatus>();
        services.AddSingleton(_ => AnsiConsole.Console);
        services.AddHostedService<FeedService>();
        if (options.ShowsStatus)
        {
            services.AddHostedService<StatusService>();
        }

        return services;
    }

    private static void TryAddTimeProvider(this IServiceCollection services)
    {
        if (!services.Any(service => service.ServiceType == typeof(TimeProvider)))
        {
            services.AddSingleton(TimeProvider.System);
        }
    }
}
