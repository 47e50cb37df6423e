using Microsoft.AspNetCore.Server.Kestrel.Core;
using PipeWs.Demo.Identity;
using PipeWs.Server;

namespace PipeWs.Demo.Desk;

/// <summary>The desk's hub: its rooms, its actions and the doors to it.</summary>
public static class DeskHub
{
    /// <summary>The subprotocol of the desk's messages, which a browser offers beside its token.</summary>
    public const string Subprotocol = "json";

    /// <summary>How many trades of one user who has logged in, or of one connection, may come at once; what is over is answered with an error 429.</summary>
    public const int MaxTradesAtOnce = 200;

    /// <summary>How many of these trades may come a second in the long run.</summary>
    public const int TradesPerSecond = 50;

    /// <summary>Adds the hub with the desk's rooms and actions.</summary>
    public static IServiceCollection AddDeskHub(this IServiceCollection services)
    {
        var hub = services.AddPipeWs();

        // Who logs in gives a token, in a subprotocol since browsers can set no header, and refreshes it by an auth message. Who does not is welcome too.
        services.AddOptions<PipeWsOptions>().Configure(static options =>
        {
            options.Authentication.Mode = WsAuthenticationMode.Optional;
            options.Subprotocols.Add(Subprotocol);
        });
        hub.UseJwtBearer(static (options, provider) => provider.GetRequiredService<DeskTokens>().Configure(options));

        // A minute and more of each topic, so that a page that was away for a moment resumes without a gap.
        hub.ConfigureRooms("/market/ticker:*", room => room.HistoryMessages = 8_192);
        hub.ConfigureRooms("/market/match:*", room => room.HistoryMessages = 4_096);
        hub.ConfigureRooms("/market/level2:*", room => room.HistoryMessages = 1_024);

        hub.MapAction("subscribe_ticker", DeskJson.Default.SymbolRequest, static (context, request) => Desk(context).SubscribeTickerAsync(context, request));
        hub.MapAction("unsubscribe_ticker", DeskJson.Default.SymbolRequest, static (context, request) => Desk(context).UnsubscribeTickerAsync(context, request));
        hub.MapAction("manual_trade", DeskJson.Default.ManualTradeRequest, static (context, request) => Desk(context).ManualTradeAsync(context, request), static route => route.RequireRateLimit(static limit =>
        {
            limit.Partition = WsRateLimitPartition.User;
            limit.TokenLimit = MaxTradesAtOnce;
            limit.TokensPerPeriod = TradesPerSecond;
        }));
        hub.MapAction("update_position", DeskJson.Default.UpdatePositionRequest, static (context, request) => Desk(context).UpdatePositionAsync(context, request));
        hub.MapAction("get_book", DeskJson.Default.BookRequest, static (context, request) => Desk(context).GetBookAsync(context, request));
        hub.MapAction("get_chart", DeskJson.Default.SymbolRequest, static (context, request) => Desk(context).GetChartAsync(context, request));
        hub.MapAction("get_portfolio", static context => Desk(context).GetPortfolioAsync(context));
        hub.MapAction("subscribe_portfolio", static context => Desk(context).SubscribePortfolioAsync(context));
        hub.MapAction("portfolio_update", static context => Desk(context).PortfolioUpdateAsync(context));
        hub.MapAction("unsubscribe_portfolio", static context => Desk(context).UnsubscribePortfolioAsync(context));
        hub.MapAction("symbols", static context => Desk(context).SymbolsAsync(context));
        return services;
    }

    /// <summary>Opens the fast door on every endpoint of Kestrel's, beside HTTP.</summary>
    public static void UseDeskDoors(this KestrelServerOptions kestrel) => kestrel.ConfigureEndpointDefaults(listen =>
    {
        foreach (string path in DeskOptions.SocketPaths)
        {
            listen.UsePipeWs(path);
        }
    });

    /// <summary>Opens the mapped door.</summary>
    public static void MapDeskDoors(this IEndpointRouteBuilder endpoints)
    {
        foreach (string path in DeskOptions.SocketPaths)
        {
            endpoints.MapPipeWs(path);
        }
    }

    private static DeskActions Desk(WsMessageContext context) => context.Services.GetRequiredService<DeskActions>();
}
