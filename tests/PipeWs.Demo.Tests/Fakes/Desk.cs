using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Demo.Alerts;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Trading;
using PipeWs.Shared;

namespace PipeWs.Demo.Tests.Fakes;

/// <summary>The whole desk over a hub in memory and a clock of the test's. Prices and books are set by hand.</summary>
internal sealed class TestDesk
{
    private long _updateId = 1_000;
    private long _tradeId;

    public TestDesk(DeskOptions? options = null, IReadOnlyList<Symbol>? symbols = null)
    {
        Options = options ?? new DeskOptions();
        Symbols = symbols ?? [new Symbol(0, "BTC", "USDT"), new Symbol(1, "ETH", "USDT")];
        Market = new MarketData(Symbols, Options.StatisticsWindow);
        Portfolios = new PortfolioService(Market, Time, Options.StartingCash, Options.MaxUsers);
        Sessions = new DeskSessions(new DeskIdentity(), Portfolios);
        Notifier = new DeskNotifier(Hub, Sessions, Portfolios, NullLogger<DeskNotifier>.Instance);
        Trading = new TradingService(Market, Market, Portfolios, Notifier, Time);
        Alerts = new AlertService(Market, Notifier, Time, Options.AlertWindow, Options.AlertThresholdPercent);
        Publisher = new MarketPublisher(Hub, Symbols, Counters);
        Pipeline = new MarketPipeline(Market, Publisher, [Trading, Alerts]);
        Actions = new DeskActions(Market, Market, Trading, Portfolios, Notifier, Notifier, Sessions, Options, Time);
    }

    public DeskOptions Options { get; }

    public IReadOnlyList<Symbol> Symbols { get; }

    public Symbol Btc => Symbols[0];

    public Symbol Eth => Symbols[1];

    public ManualTimeProvider Time { get; } = new();

    public FakeHub Hub { get; } = new();

    public DeskCounters Counters { get; } = new();

    public MarketData Market { get; }

    public MarketPublisher Publisher { get; }

    public MarketPipeline Pipeline { get; }

    public PortfolioService Portfolios { get; }

    public DeskSessions Sessions { get; }

    public DeskNotifier Notifier { get; }

    public TradingService Trading { get; }

    public AlertService Alerts { get; }

    public DeskActions Actions { get; }

    /// <summary>Gives a symbol a book: <c>"price:quantity ..."</c>, the best first.</summary>
    public void SetBook(Symbol symbol, string bids, string asks)
    {
        var snapshot = new SnapshotLine { LastUpdateId = ++_updateId, Bids = Levels(bids), Asks = Levels(asks) };
        Pipeline.OnSnapshot(symbol, default, snapshot);
    }

    /// <summary>The exchange trades at a price.</summary>
    public void TradeAt(Symbol symbol, string price, double second = 0, string size = "1.00000000", long round = 0)
    {
        var line = new TradeLine
        {
            TradeId = ++_tradeId,
            Price = System.Text.Encoding.ASCII.GetBytes(price),
            Size = System.Text.Encoding.ASCII.GetBytes(size),
            TradeUnixMilliseconds = 1,
            EventUnixMilliseconds = 1,
            BuyerIsMaker = false,
        };
        Pipeline.OnTrade(symbol, new MarketMoment(round, TimeSpan.FromSeconds(second), 0), line);
    }

    /// <summary>Sends a request of JSON to an action.</summary>
    public async Task<FakeContext> AskAsync(FakeConnection connection, string action, string body = "{}")
    {
        var context = new FakeContext(Hub, connection);
        await (action switch
        {
            "subscribe_ticker" => Actions.SubscribeTickerAsync(context, JsonSerializer.Deserialize(body, DeskJson.Default.SymbolRequest)!),
            "unsubscribe_ticker" => Actions.UnsubscribeTickerAsync(context, JsonSerializer.Deserialize(body, DeskJson.Default.SymbolRequest)!),
            "manual_trade" => Actions.ManualTradeAsync(context, JsonSerializer.Deserialize(body, DeskJson.Default.ManualTradeRequest)!),
            "update_position" => Actions.UpdatePositionAsync(context, JsonSerializer.Deserialize(body, DeskJson.Default.UpdatePositionRequest)!),
            "get_book" => Actions.GetBookAsync(context, JsonSerializer.Deserialize(body, DeskJson.Default.BookRequest)!),
            "get_chart" => Actions.GetChartAsync(context, JsonSerializer.Deserialize(body, DeskJson.Default.SymbolRequest)!),
            "get_portfolio" => Actions.GetPortfolioAsync(context),
            "subscribe_portfolio" => Actions.SubscribePortfolioAsync(context),
            "portfolio_update" => Actions.PortfolioUpdateAsync(context),
            "unsubscribe_portfolio" => Actions.UnsubscribePortfolioAsync(context),
            "symbols" => Actions.SymbolsAsync(context),
            _ => throw new ArgumentOutOfRangeException(nameof(action), action, null),
        });
        return context;
    }

    public static byte[] Levels(string text) => System.Text.Encoding.ASCII.GetBytes(
        "[" + string.Join(',', text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(level => $"[\"{level.Replace(":", "\",\"", StringComparison.Ordinal)}\"]")) + "]");
}
