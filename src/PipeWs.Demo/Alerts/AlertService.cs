using PipeWs.Demo.Market;
using PipeWs.Demo.Trading;

namespace PipeWs.Demo.Alerts;

/// <summary>
/// Raises an alert where a price lies further from the lowest or highest of the last seconds than the threshold. Afterwards the window begins anew, so that
/// one move is told once, and a move that goes on is told again.
/// </summary>
public sealed class AlertService : IAlertService, IPriceObserver
{
    private const int MaxRecent = 50;

    private readonly IDeskNotifier _notifier;
    private readonly TimeProvider _time;
    private readonly TimeSpan _window;
    private readonly decimal _threshold;
    private readonly RollingStatistics[] _windows;
    private readonly long[] _rounds;
    private readonly Lock _gate = new();
    private readonly Queue<DeskAlert> _recent = new();

    /// <summary>Prepares the watch.</summary>
    /// <param name="market">The symbols to watch.</param>
    /// <param name="notifier">Tells everybody.</param>
    /// <param name="time">Dates the alerts.</param>
    /// <param name="window">Within which time a move counts, in the market's time.</param>
    /// <param name="thresholdPercent">How far a price must move, in percent.</param>
    public AlertService(IMarketData market, IDeskNotifier notifier, TimeProvider time, TimeSpan window, decimal thresholdPercent)
    {
        _notifier = notifier;
        _time = time;
        _window = window;
        _threshold = thresholdPercent / 100;
        _windows = [.. market.Symbols.Select(_ => new RollingStatistics(window))];
        _rounds = new long[_windows.Length];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeskAlert> Recent
    {
        get
        {
            lock (_gate)
            {
                return [.. _recent];
            }
        }
    }

    /// <inheritdoc/>
    public void OnPrice(Symbol symbol, in MarketMoment moment, decimal price)
    {
        var window = _windows[symbol.Index];
        if (_rounds[symbol.Index] != moment.Round)
        {
            // From the end of a recording to its beginning is a jump of the replay's, not a move of the market's.
            window.Clear();
            _rounds[symbol.Index] = moment.Round;
        }

        window.Add(moment.Elapsed, price, 0);
        var seen = window.Current;
        decimal reference;
        if (price - seen.Low >= seen.Low * _threshold)
        {
            reference = seen.Low;
        }
        else if (seen.High - price >= seen.High * _threshold)
        {
            reference = seen.High;
        }
        else
        {
            return;
        }

        window.Clear();
        window.Add(moment.Elapsed, price, 0);
        var alert = DeskAlert.Move(symbol, price, reference, _window, _time.GetUtcNow());
        lock (_gate)
        {
            if (_recent.Count == MaxRecent)
            {
                _recent.Dequeue();
            }

            _recent.Enqueue(alert);
        }

        _notifier.Alert(alert);
    }
}
