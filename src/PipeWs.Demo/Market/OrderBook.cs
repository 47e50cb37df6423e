using System.Globalization;
using System.Text.Json;
using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Market;

/// <summary>
/// An order book kept by the exchange's own rules: updates wait for a snapshot; those it already covers are dropped; the first to be applied must
/// span the snapshot's update id, and each following one must begin where the last ended. Anything else is a gap, and the book waits for the next snapshot.
/// </summary>
public sealed class OrderBook(Symbol symbol) : IOrderBook
{
    /// <summary>More updates than a snapshot can be late by; what is older is covered by any snapshot still to come.</summary>
    private const int MaxPending = 1_024;

    private readonly Lock _gate = new();

    // The best level last: most changes happen near the best price, where an insertion moves little.
    private readonly List<BookLevel> _bids = [];
    private readonly List<BookLevel> _asks = [];
    private readonly Queue<PendingUpdate> _pending = new();
    private bool _synchronized;
    private long _lastUpdateId;
    private long _gaps;

    private readonly record struct PendingUpdate(long First, long Last, byte[] Bids, byte[] Asks);

    /// <inheritdoc/>
    public Symbol Symbol => symbol;

    /// <inheritdoc/>
    public bool IsSynchronized
    {
        get
        {
            lock (_gate)
            {
                return _synchronized;
            }
        }
    }

    /// <inheritdoc/>
    public long LastUpdateId
    {
        get
        {
            lock (_gate)
            {
                return _lastUpdateId;
            }
        }
    }

    /// <inheritdoc/>
    public long Gaps
    {
        get
        {
            lock (_gate)
            {
                return _gaps;
            }
        }
    }

    /// <summary>Forgets everything, and waits for a snapshot.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            ClearUnsynchronized();
            _pending.Clear();
        }
    }

    /// <summary>Replaces the book, then applies the updates that waited.</summary>
    public void Apply(in SnapshotLine snapshot)
    {
        lock (_gate)
        {
            ClearUnsynchronized();
            ApplyLevels(_bids, snapshot.Bids, isBid: true);
            ApplyLevels(_asks, snapshot.Asks, isBid: false);
            _lastUpdateId = snapshot.LastUpdateId;
            _synchronized = true;
            int waiting = _pending.Count;
            for (int i = 0; i < waiting; i++)
            {
                var update = _pending.Dequeue();
                ApplyUnsynchronized(update.First, update.Last, update.Bids, update.Asks);
            }
        }
    }

    /// <summary>Applies an update, or keeps it until there is a snapshot.</summary>
    public void Apply(in DepthLine update)
    {
        lock (_gate)
        {
            ApplyUnsynchronized(update.FirstUpdateId, update.LastUpdateId, update.Bids, update.Asks);
        }
    }

    /// <inheritdoc/>
    public BookView View(int depth)
    {
        lock (_gate)
        {
            return new BookView(_synchronized, _lastUpdateId, Best(_bids, depth), Best(_asks, depth));
        }
    }

    /// <inheritdoc/>
    public BookFill Walk(OrderSide side, decimal quantity, decimal? limit = null)
    {
        var fills = new List<BookLevel>();
        decimal left = quantity, notional = 0;
        lock (_gate)
        {
            var levels = side == OrderSide.Buy ? _asks : _bids;
            for (int i = levels.Count - 1; i >= 0 && left > 0; i--)
            {
                var level = levels[i];
                if (limit is { } worst && (side == OrderSide.Buy ? level.Price > worst : level.Price < worst))
                {
                    break;
                }

                decimal taken = Math.Min(left, level.Quantity);
                left -= taken;
                notional += taken * level.Price;
                fills.Add(new BookLevel(level.Price, taken));
            }
        }

        return new BookFill(fills, quantity - left, notional);
    }

    private static BookLevel[] Best(List<BookLevel> levels, int depth)
    {
        var best = new BookLevel[Math.Min(depth, levels.Count)];
        for (int i = 0; i < best.Length; i++)
        {
            best[i] = levels[levels.Count - 1 - i];
        }

        return best;
    }

    private static void ApplyLevels(List<BookLevel> levels, ReadOnlySpan<byte> json, bool isBid)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            decimal price = NextDecimal(ref reader);
            decimal quantity = NextDecimal(ref reader);
            reader.Read();
            Set(levels, price, quantity, isBid);
        }
    }

    private static decimal NextDecimal(ref Utf8JsonReader reader)
    {
        reader.Read();
        return decimal.Parse(reader.ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
    }

    private static void Set(List<BookLevel> levels, decimal price, decimal quantity, bool isBid)
    {
        int low = 0, high = levels.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = levels[middle].Price.CompareTo(price);
            if (order == 0)
            {
                if (quantity == 0)
                {
                    levels.RemoveAt(middle);
                }
                else
                {
                    levels[middle] = new BookLevel(price, quantity);
                }

                return;
            }

            if (isBid ? order < 0 : order > 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        // A removal of a level that is not there is ordinary: the snapshot holds only the best thousand.
        if (quantity != 0)
        {
            levels.Insert(low, new BookLevel(price, quantity));
        }
    }

    private void ApplyUnsynchronized(long first, long last, ReadOnlySpan<byte> bids, ReadOnlySpan<byte> asks)
    {
        if (_synchronized && last <= _lastUpdateId)
        {
            return;
        }

        if (_synchronized && first > _lastUpdateId + 1)
        {
            _gaps++;
            ClearUnsynchronized();
        }

        if (!_synchronized)
        {
            if (_pending.Count == MaxPending)
            {
                _pending.Dequeue();
            }

            _pending.Enqueue(new PendingUpdate(first, last, bids.ToArray(), asks.ToArray()));
            return;
        }

        ApplyLevels(_bids, bids, isBid: true);
        ApplyLevels(_asks, asks, isBid: false);
        _lastUpdateId = last;
    }

    private void ClearUnsynchronized()
    {
        _bids.Clear();
        _asks.Clear();
        _lastUpdateId = 0;
        _synchronized = false;
    }
}
