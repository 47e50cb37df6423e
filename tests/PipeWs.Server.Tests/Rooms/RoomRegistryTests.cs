using PipeWs.Server.Rooms;

namespace PipeWs.Server.Tests.Rooms;

public sealed class RoomRegistryTests
{
    [Fact]
    public async Task Who_asks_at_once_for_the_last_room_that_is_allowed_gets_it()
    {
        const int Askers = 3;
        const int Rounds = 2_000;
        var registry = new RoomRegistry(new WsRoomOptions(), [], [], TimeProvider.System);
        var found = new Room?[Askers];
        int refusals = 0;
        using var barrier = new Barrier(Askers, ended =>
        {
            // Every other phase has asked; the one after it lets the room go.
            if (ended.CurrentPhaseNumber % 2 == 1)
            {
                refusals += found.Count(room => room is null || room != registry.Find("last"));
                registry.RemoveIfOver(registry.Find("last")!);
            }
        });
        await Task.WhenAll(Enumerable.Range(0, Askers).Select(asker => Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    barrier.SignalAndWait();
                    found[asker] = registry.GetOrCreate("last", maxRooms: 1);
                    barrier.SignalAndWait();
                }
            },
            TaskCreationOptions.LongRunning)));
        Assert.Equal(0, refusals);
        Assert.Equal(0, registry.Count);
    }

    [Fact]
    public void No_room_is_created_beyond_those_allowed()
    {
        var registry = new RoomRegistry(new WsRoomOptions(), [], [], TimeProvider.System);
        Room? first = registry.GetOrCreate("first", maxRooms: 1);
        Assert.NotNull(first);
        Assert.Null(registry.GetOrCreate("second", maxRooms: 1));
        Assert.Same(first, registry.GetOrCreate("first", maxRooms: 1));
        registry.RemoveIfOver(first);
        Assert.NotNull(registry.GetOrCreate("second", maxRooms: 1));
    }
}
