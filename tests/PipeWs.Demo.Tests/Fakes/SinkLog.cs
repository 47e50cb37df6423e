using System.Text;
using PipeWs.Demo.Market;
using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Tests.Fakes;

/// <summary>A sink that remembers what it was given and when, on the test's clock.</summary>
internal sealed class SinkLog(TimeProvider time) : IMarketSink
{
    private readonly long _started = time.GetTimestamp();

    public List<(TimeSpan At, MarketMoment Moment, string What)> Entries { get; } = [];

    public List<long> Rounds { get; } = [];

    public string? FailsOn { get; set; }

    public void OnRound(long round) => Rounds.Add(round);

    public void OnBookTicker(Symbol symbol, in MarketMoment moment, in BookTickerLine line) => Add(moment, $"ticker {symbol} {line.UpdateId}");

    public void OnTrade(Symbol symbol, in MarketMoment moment, in TradeLine line) =>
        Add(moment, $"trade {symbol} {line.TradeId} {Encoding.ASCII.GetString(line.Price)}");

    public void OnDepth(Symbol symbol, in MarketMoment moment, in DepthLine line) => Add(moment, $"depth {symbol} {line.FirstUpdateId} {line.LastUpdateId}");

    public void OnSnapshot(Symbol symbol, in MarketMoment moment, in SnapshotLine line) => Add(moment, $"snapshot {symbol} {line.LastUpdateId}");

    private void Add(in MarketMoment moment, string what)
    {
        if (what == FailsOn)
        {
            throw new InvalidOperationException(what);
        }

        Entries.Add((time.GetElapsedTime(_started), moment, what));
    }
}
