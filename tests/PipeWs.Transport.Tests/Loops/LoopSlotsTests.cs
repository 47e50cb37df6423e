using PipeWs.Transport.Loops;

namespace PipeWs.Transport.Tests.Loops;

public sealed class LoopSlotsTests
{
    [Fact]
    public void A_number_is_never_that_of_an_item_that_went()
    {
        var slots = new LoopSlots();
        var random = new Random(1);
        var alive = new Dictionary<ulong, Item>();
        var gone = new HashSet<ulong>();
        for (int i = 0; i < 20_000; i++)
        {
            if (alive.Count < 100 && random.Next(3) > 0)
            {
                var item = new Item();
                ulong number = slots.Add(item);
                Assert.DoesNotContain(number, gone);
                Assert.NotEqual(ulong.MaxValue, number);
                alive.Add(number, item);
            }
            else if (alive.Count > 0)
            {
                ulong number = alive.Keys.ElementAt(random.Next(alive.Count));
                slots.Remove(number);
                slots.Remove(number);
                alive.Remove(number);
                gone.Add(number);
                Assert.Null(slots.Find(number));
            }

            Assert.Equal(alive.Count, slots.Count);
        }

        Assert.Equal(alive.Values.ToHashSet<ILoopItem>(), slots.ToArray().ToHashSet());
        Assert.All(alive, pair => Assert.Same(pair.Value, slots.Find(pair.Key)));
    }

    private sealed class Item : ILoopItem
    {
        public void OnEvents(uint flags, LoopThread thread)
        {
        }
    }
}
