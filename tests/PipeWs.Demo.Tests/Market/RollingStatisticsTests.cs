using FsCheck;
using FsCheck.Fluent;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Tests.Market;

public class RollingStatisticsTests
{
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);

    [Fact]
    public void Statistics_are_of_the_window_alone()
    {
        var statistics = new RollingStatistics(s_window);
        statistics.Add(TimeSpan.FromSeconds(0), 100, 1);
        statistics.Add(TimeSpan.FromSeconds(4), 90, 2);
        statistics.Add(TimeSpan.FromSeconds(8), 95, 3);
        Assert.Equal(new MarketStatistics(100, 100, 90, 95, 3, 6, 565, 3), statistics.Current);
        Assert.Equal(-5, statistics.Current.Change);
        Assert.Equal(-5, statistics.Current.ChangePercent);

        statistics.Expire(TimeSpan.FromSeconds(10));
        Assert.Equal(new MarketStatistics(90, 95, 90, 95, 3, 5, 465, 2), statistics.Current);
        statistics.Expire(TimeSpan.FromSeconds(100));
        Assert.Equal(new MarketStatistics(95, 95, 95, 95, 3, 0, 0, 0), statistics.Current);
    }

    [Fact]
    public void Any_trades_give_what_a_plain_sum_over_the_window_gives()
    {
        var trade = from wait in Gen.Choose(0, 4_000) from price in Gen.Choose(1, 50) from size in Gen.Choose(1, 9) select (wait, price, size);
        Prop.ForAll(Arb.From(Gen.ListOf(trade)), trades =>
        {
            var statistics = new RollingStatistics(s_window);
            var all = new List<(TimeSpan At, decimal Price, decimal Size)>();
            var now = TimeSpan.Zero;
            foreach (var (wait, price, size) in trades)
            {
                now += TimeSpan.FromMilliseconds(wait);
                statistics.Add(now, price, size);
                all.Add((now, price, size));
                var kept = all.Where(t => t.At > now - s_window).ToArray();
                var expected = new MarketStatistics(
                    kept[0].Price, kept.Max(t => t.Price), kept.Min(t => t.Price), price, size, kept.Sum(t => t.Size), kept.Sum(t => t.Price * t.Size), kept.Length);
                if (statistics.Current != expected)
                {
                    return false;
                }
            }

            return true;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_deque_keeps_its_order_while_it_grows_and_wraps()
    {
        var deque = new Deque<int>();
        var expected = new LinkedList<int>();
        var random = new Random(7);
        for (int i = 0; i < 20_000; i++)
        {
            int what = random.Next(5);
            if (what < 3 || expected.Count == 0)
            {
                deque.Add(i);
                expected.AddLast(i);
            }
            else if (what == 3)
            {
                deque.RemoveFirst();
                expected.RemoveFirst();
            }
            else
            {
                deque.RemoveLast();
                expected.RemoveLast();
            }

            Assert.Equal(expected.Count, deque.Count);
            if (expected.Count > 0)
            {
                Assert.Equal(expected.First!.Value, deque.First);
                Assert.Equal(expected.Last!.Value, deque.Last);
            }
        }
    }
}
