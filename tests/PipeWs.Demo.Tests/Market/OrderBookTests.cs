using System.Globalization;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Demo.Market;
using PipeWs.Demo.Recording;
using PipeWs.Demo.Tests.Fakes;

namespace PipeWs.Demo.Tests.Market;

public class OrderBookTests
{
    private readonly OrderBook _book = new(new Symbol(0, "BTC", "USDT"));

    [Fact]
    public void Updates_before_the_snapshot_wait_and_those_it_covers_are_dropped()
    {
        Update(90, 100, "10.0:9", "");
        Update(101, 110, "11.0:5", "");
        Update(111, 112, "11.0:0", "13.0:4");
        Assert.False(_book.IsSynchronized);

        Snapshot(105, "10.0:1", "12.0:2");

        Assert.True(_book.IsSynchronized);
        Assert.Equal(112, _book.LastUpdateId);
        Assert.Equal("10.0:1", Text(_book.View(9).Bids));
        Assert.Equal("12.0:2 13.0:4", Text(_book.View(9).Asks));
    }

    [Fact]
    public void A_missing_update_is_a_gap_until_the_next_snapshot()
    {
        Snapshot(100, "10.0:1", "12.0:2");
        Update(101, 105, "10.5:1", "");
        Update(107, 110, "10.6:1", "");

        Assert.False(_book.IsSynchronized);
        Assert.Equal(1, _book.Gaps);
        Assert.Empty(_book.View(9).Bids);

        Snapshot(108, "10.1:1", "12.1:2");
        Assert.True(_book.IsSynchronized);
        Assert.Equal(110, _book.LastUpdateId);
        Assert.Equal("10.6:1 10.1:1", Text(_book.View(9).Bids));
    }

    [Fact]
    public void A_snapshot_older_than_the_updates_that_wait_leaves_a_gap()
    {
        Update(120, 130, "10.5:1", "");
        Snapshot(100, "10.0:1", "12.0:2");

        Assert.False(_book.IsSynchronized);
        Assert.Equal(1, _book.Gaps);
        Snapshot(125, "10.0:1", "12.0:2");
        Assert.True(_book.IsSynchronized);
        Assert.Equal(130, _book.LastUpdateId);
    }

    [Fact]
    public void A_reset_book_waits_for_its_snapshot()
    {
        Snapshot(100, "10.0:1", "12.0:2");
        _book.Reset();
        Update(50, 51, "9.0:1", "");

        Assert.False(_book.IsSynchronized);
        Snapshot(50, "8.0:1", "12.0:2");
        Assert.Equal(51, _book.LastUpdateId);
        Assert.Equal("9.0:1 8.0:1", Text(_book.View(9).Bids));
    }

    [Fact]
    public void Walking_takes_the_best_levels_first_and_leaves_the_book_alone()
    {
        Snapshot(100, "10.0:1 9.0:2", "12.0:2 13.0:3");

        var fill = _book.Walk(OrderSide.Buy, 3.5m);
        Assert.Equal("12.0:2 13.0:1.5", Text(fill.Fills));
        Assert.Equal(3.5m, fill.Quantity);
        Assert.Equal(43.5m, fill.Notional);
        Assert.Equal("10.0:1", Text(_book.Walk(OrderSide.Sell, 3, limit: 9.5m).Fills));
        Assert.Equal("12.0:2", Text(_book.Walk(OrderSide.Buy, 3, limit: 12).Fills));
        Assert.Empty(_book.Walk(OrderSide.Buy, 3, limit: 11.9m).Fills);
        Assert.Equal(3, _book.Walk(OrderSide.Sell, 100).Quantity);
        Assert.Equal("12.0:2 13.0:3", Text(_book.View(9).Asks));
    }

    [Fact]
    public void The_shipped_books_match_a_plain_recomputation_and_never_cross()
    {
        foreach (var symbol in Recordings.Shipped.Symbols)
        {
            var book = new OrderBook(symbol);
            var oracle = new PlainBook();
            int compared = 0;
            foreach (ref readonly var line in Recordings.Shipped.Lines)
            {
                if (line.Symbol != symbol.Index)
                {
                    continue;
                }

                var json = Recordings.Shipped.Json(line);
                if (line.Kind == RecordedKind.Snapshot)
                {
                    book.Apply(RecordedJson.ReadSnapshot(json));
                }
                else if (line.Kind == RecordedKind.Depth)
                {
                    book.Apply(RecordedJson.ReadDepth(json));
                }
                else
                {
                    continue;
                }

                oracle.Apply(JsonDocument.Parse(json.ToArray()).RootElement);
                if (!oracle.IsReady)
                {
                    Assert.False(book.IsSynchronized);
                    continue;
                }

                var top = book.View(1);
                Assert.True(top.IsSynchronized);
                Assert.Equal(oracle.LastUpdateId, top.LastUpdateId);
                Assert.True(top.Bids[0].Price < top.Asks[0].Price, $"The {symbol} book crosses at {top.LastUpdateId}.");
                if (compared++ % 100 == 0)
                {
                    oracle.AssertEqual(book.View(int.MaxValue));
                }
            }

            oracle.AssertEqual(book.View(int.MaxValue));
            Assert.True(compared > 3_400);
            Assert.Equal(0, book.Gaps);
        }
    }

    [Fact]
    public void Any_sequence_of_updates_leaves_what_a_dictionary_holds()
    {
        var level = Gen.Zip(Gen.Choose(1, 40), Gen.Choose(0, 3));
        Prop.ForAll(Arb.From(Gen.ListOf(level)), levels =>
        {
            var book = new OrderBook(new Symbol(0, "BTC", "USDT"));
            book.Apply(new SnapshotLine { LastUpdateId = 1, Bids = "[]"u8, Asks = "[]"u8 });
            var expected = new Dictionary<int, int>();
            long id = 1;
            foreach (var (price, quantity) in levels)
            {
                id++;
                var change = TestDesk.Levels($"{price}:{quantity}");
                book.Apply(new DepthLine { FirstUpdateId = id, LastUpdateId = id, EventUnixMilliseconds = 1, Bids = change, Asks = change });
                expected[price] = quantity;
            }

            var left = expected.Where(pair => pair.Value > 0).Select(pair => new BookLevel(pair.Key, pair.Value)).OrderBy(l => l.Price).ToArray();
            var view = book.View(100);
            return view.Asks.SequenceEqual(left) && view.Bids.SequenceEqual(left.Reverse());
        }).QuickCheckThrowOnFailure();
    }

    private void Snapshot(long last, string bids, string asks) =>
        _book.Apply(new SnapshotLine { LastUpdateId = last, Bids = TestDesk.Levels(bids), Asks = TestDesk.Levels(asks) });

    private void Update(long first, long last, string bids, string asks) => _book.Apply(new DepthLine
    {
        FirstUpdateId = first,
        LastUpdateId = last,
        EventUnixMilliseconds = 1,
        Bids = TestDesk.Levels(bids),
        Asks = TestDesk.Levels(asks),
    });

    private static string Text(IEnumerable<BookLevel> levels) =>
        string.Join(' ', levels.Select(level => string.Create(CultureInfo.InvariantCulture, $"{level.Price}:{level.Quantity}")));

    /// <summary>The exchange's rules in the plainest form: the price's own text is the key.</summary>
    private sealed class PlainBook
    {
        private readonly Dictionary<string, string> _bids = [];
        private readonly Dictionary<string, string> _asks = [];
        private readonly List<JsonElement> _waiting = [];

        public bool IsReady { get; private set; }

        public long LastUpdateId { get; private set; }

        public void Apply(JsonElement message)
        {
            if (message.TryGetProperty("lastUpdateId", out var last))
            {
                LastUpdateId = last.GetInt64();
                IsReady = true;
                Set(_bids, message.GetProperty("bids"));
                Set(_asks, message.GetProperty("asks"));
                _waiting.ForEach(Change);
            }
            else if (IsReady)
            {
                Change(message.GetProperty("data"));
            }
            else
            {
                _waiting.Add(message.GetProperty("data"));
            }
        }

        public void AssertEqual(BookView view)
        {
            Assert.Equal(_bids.OrderByDescending(Price).Select(Shown), view.Bids.Select(Shown));
            Assert.Equal(_asks.OrderBy(Price).Select(Shown), view.Asks.Select(Shown));
        }

        private void Change(JsonElement data)
        {
            long first = data.GetProperty("U").GetInt64(), last = data.GetProperty("u").GetInt64();
            if (last <= LastUpdateId)
            {
                return;
            }

            Assert.True(first <= LastUpdateId + 1, "The recording has no gaps.");
            Set(_bids, data.GetProperty("b"));
            Set(_asks, data.GetProperty("a"));
            LastUpdateId = last;
        }

        private static void Set(Dictionary<string, string> side, JsonElement levels)
        {
            foreach (var level in levels.EnumerateArray())
            {
                string price = level[0].GetString()!, quantity = level[1].GetString()!;
                if (quantity.Trim('0', '.').Length == 0)
                {
                    side.Remove(price);
                }
                else
                {
                    side[price] = quantity;
                }
            }
        }

        private static decimal Price(KeyValuePair<string, string> level) => decimal.Parse(level.Key, CultureInfo.InvariantCulture);

        private static string Shown(KeyValuePair<string, string> level) => $"{level.Key}:{level.Value}";

        private static string Shown(BookLevel level) => string.Create(CultureInfo.InvariantCulture, $"{level.Price}:{level.Quantity}");
    }
}
