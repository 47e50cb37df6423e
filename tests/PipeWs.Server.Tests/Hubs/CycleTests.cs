using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Hubs;

/// <summary>
/// Connections come, join and go in every way there is, many thousand times: nothing of them is left. <c>PIPEWS_CYCLES</c> sets how often, for the 100,000 that
/// a run by itself may take.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class CycleTests(ITestOutputHelper output)
{
    private const string CyclesVariable = "PIPEWS_CYCLES";
    private const int Cycles = 20_000;

    /// <summary>Until every pool holds what it keeps, and the ring of the room that all are in has been round.</summary>
    private const int SocketWarmUpCycles = 6_000;
    private const int MemoryWarmUpCycles = 20_000;
    private const int Workers = 8;
    private const int MaxRounds = 3;

    /// <summary>Threads that the runtime itself may start and end meanwhile, such as the tiered compiler's.</summary>
    private const int RuntimeThreads = 3;

    private const int SmallestObjectBytes = 24;

    private static readonly byte[] s_opening =
    [
        .. Encoding.ASCII.GetBytes(RawPeer.Handshake()),
        .. RawPeer.Frame(Opcode.Text, """{"type":"subscribe","topic":"shared"}"""u8),
        .. RawPeer.Frame(Opcode.Text, """{"id":"j","type":"subscribe","topic":"/own:1,2"}"""u8),
    ];

    /// <summary>What tests before this one hold on to, in rooms of hubs that nobody asks any more.</summary>
    private readonly long _framesOfOthers = WsFramePool.Outstanding;

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Mapped)]
    public async Task Cycles_over_sockets_leave_nothing_behind(Door door)
    {
        int cycles = Asked ?? Cycles;
        await using HubServer server = await HubServer.JsonAsync(door, configure: Count, hasBystander: false);
        await CycleAsync(server, SocketWarmUpCycles);

        int rounds = await AssertNothingStaysAsync(() => CycleAsync(server, cycles), server.Hub, cycles);

        // A quarter may have gone before the handshake was read.
        int all = (cycles * rounds) + SocketWarmUpCycles;
        Assert.InRange(server.Hub.Counters.OpenedCount, all * 3 / 4, all);
    }

    [Fact]
    public async Task Cycles_in_memory_leave_nothing_behind()
    {
        using var test = new TestHub(Count);
        await CycleAsync(test.Hub, MemoryWarmUpCycles);
        int cycles = Asked ?? Cycles;

        await AssertNothingStaysAsync(() => CycleAsync(test.Hub, cycles), test.Hub, cycles);
    }

    /// <summary>What stays behind is more after every round; pools may hold more after one in which the machine was busy with others.</summary>
    /// <returns>How many rounds it took.</returns>
    private async Task<int> AssertNothingStaysAsync(Func<Task> cycle, Hub hub, int cycles)
    {
        Footprint before = await Footprint.TakeAsync(hub, _framesOfOthers);
        for (int round = 1; ; round++)
        {
            long start = Stopwatch.GetTimestamp();
            await cycle();
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            Footprint after = await Footprint.TakeAsync(hub, _framesOfOthers);
            output.WriteLine($"{cycles} cycles in {took.TotalSeconds:F1} s; before: {before}; after: {after}");
            if (round == MaxRounds || after.HeapBytes <= before.MostHeapAfter(cycles))
            {
                after.AssertNoMoreThan(before, cycles);
                return round;
            }

            before = before with { HeapBytes = after.HeapBytes };
        }
    }

    private static int? Asked => int.TryParse(Environment.GetEnvironmentVariable(CyclesVariable), CultureInfo.InvariantCulture, out int asked) ? asked : null;

    private static void Count(PipeWsOptions options)
    {
        options.MaxConnectionsPerAddress = 1000;
        options.InboundMessagesPerSecond = 1_000_000;
        options.IdleTimeout = TimeSpan.FromHours(1);
    }

    private static Task CycleAsync(Hub hub, int cycles) => Parallel.ForAsync(0, cycles, new ParallelOptions { MaxDegreeOfParallelism = Workers }, async (i, cancellationToken) =>
    {
        await using var peer = new HubPeer(hub, userId: $"user {i % 50}");
        await peer.SendAsync($$"""{"id":"j","type":"subscribe","topic":"/own:{{i}},shared"}""");
        if (i % 2 == 0)
        {
            await peer.UntilAsync(texts => texts.Count >= 3, "the answers");
        }

        if (i % 100 == 0)
        {
            // Seldom: what everybody is sent stays in the log until the heartbeat comes by, and how much that is at a time decides how much the frames' pool keeps.
            await hub.All.SendTextAsync("hello", cancellationToken);
        }
    });

    private static Task CycleAsync(HubServer server, int cycles)
    {
        int port = server.Server.Port;
        return Parallel.ForAsync(0, cycles, new ParallelOptions { MaxDegreeOfParallelism = Workers }, async (i, cancellationToken) =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
            await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            await socket.SendAsync(s_opening, cancellationToken);
            if (i % 4 == 3)
            {
                // Gone before anything was answered.
                return;
            }

            await UntilAsync(socket, "\"topic\":\"/own:2\""u8.ToArray(), cancellationToken);
            switch (i % 4)
            {
                case 0:
                    await socket.SendAsync(RawPeer.Frame(Opcode.Close, [0x03, 0xE8]), cancellationToken);
                    await UntilAsync(socket, [0x88, 0x02, 0x03, 0xE8], cancellationToken);
                    break;
                case 1:
                    server.Hub.Room("shared").Publish("1"u8.ToArray());
                    await UntilAsync(socket, "\"type\":\"message\""u8.ToArray(), cancellationToken);
                    break;
            }
        });
    }

    private static async Task UntilAsync(Socket socket, byte[] expected, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[8192];
        int length = 0;
        while (buffer.AsSpan(0, length).IndexOf(expected) < 0)
        {
            if (length > buffer.Length / 2)
            {
                // What others publish meanwhile; the end of it may be the beginning of what is waited for.
                buffer.AsSpan(length - expected.Length, expected.Length).CopyTo(buffer);
                length = expected.Length;
            }

            int received = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken).AsTask().Soon();
            Assert.NotEqual(0, received);
            length += received;
        }
    }

    /// <summary>What a process holds.</summary>
    private sealed record Footprint(int Descriptors, int Threads, long HeapBytes, int Connections, int Places, int Addresses, int Rooms, long Frames)
    {
        public static async Task<Footprint> TakeAsync(Hub hub, long frames)
        {
            await Conditions.UntilAsync(() => hub.ConnectionCount == 0 && hub.ReservedPlaces == 0 && hub.RoomRegistry.Count == 0, "all are gone");
            await Conditions.UntilAsync(() => WsFramePool.Outstanding <= frames, "every frame is given back");
            int descriptors = CountDescriptors();
            await Conditions.UntilAsync(() => descriptors == (descriptors = CountDescriptors()), "sockets are closed");
            long heap = await SettledHeapAsync();
            using var self = Process.GetCurrentProcess();
            return new Footprint(
                CountDescriptors(), self.Threads.Count - ThreadPool.ThreadCount, heap, hub.ConnectionCount, hub.ReservedPlaces, hub.CountedAddresses, hub.RoomRegistry.Count, WsFramePool.Outstanding);
        }

        public void AssertNoMoreThan(Footprint before, int cycles)
        {
            Assert.Equal((0, 0, 0, 0), (Connections, Places, Addresses, Rooms));
            Assert.InRange(Frames, 0, before.Frames);
            Assert.InRange(Descriptors, 0, before.Descriptors + 2);
            Assert.InRange(Threads, 0, before.Threads + RuntimeThreads);

            Assert.InRange(HeapBytes, 0, before.MostHeapAfter(cycles));
        }

        /// <summary>Pools hold now more and now less, which is much of a heap as small as a test's: less than the smallest object a cycle, or 5 % where that is more.</summary>
        public long MostHeapAfter(int cycles) => HeapBytes + Math.Max(HeapBytes / 20, Math.Min(cycles, Cycles) * SmallestObjectBytes);

        private static int CountDescriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

        /// <summary>The heap's size when collecting it makes it no smaller: finalizers have run, and pools have let go of what they keep for a while.</summary>
        private static async Task<long> SettledHeapAsync()
        {
            long least = long.MaxValue;
            for (int unchanged = 0; unchanged < 3;)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                GC.WaitForPendingFinalizers();
                await Task.Yield();
                long heap = GC.GetTotalMemory(forceFullCollection: true);
                unchanged = heap < least - 4096 ? 0 : unchanged + 1;
                least = Math.Min(least, heap);
            }

            return least;
        }
    }
}
