using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 20 and 21: memory follows the bytes that came, not the length that was announced. Counted for the whole process, this test's own peers included.</summary>
[Collection(AloneCollection.Name)]
public sealed class MemoryRowsTests
{
    private const int Announced = 256 * 1024 * 1024;

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_20_a_length_over_the_limit_allocates_nothing_of_that_size(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.MaxMessageBytes = Announced - 1);
        await using RawPeer peer = await server.OpenAsync();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await peer.SendAsync(Hex("82 FF 00 00 00 00 10 00 00 00 37 FA 21 3D"));
        await peer.ReadCloseAsync(1009);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 1024 * 1024);
        await server.AssertUndisturbedAsync();
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_21_a_large_legal_length_and_then_single_bytes_allocate_as_the_bytes_come(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.MaxMessageBytes = Announced);
        await using RawPeer peer = await server.OpenAsync();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await peer.SendAsync(Hex("81 FF 00 00 00 00 10 00 00 00 00 00 00 00"));
        for (int i = 0; i < 1000; i++)
        {
            await peer.SendAsync("a"u8.ToArray());
        }

        // A byte that no text holds: its answer says that everything before it was read.
        await peer.SendAsync([0xFF]);
        await peer.ReadCloseAsync(1007);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 8 * 1024 * 1024);
        await server.AssertUndisturbedAsync();
    }
}
