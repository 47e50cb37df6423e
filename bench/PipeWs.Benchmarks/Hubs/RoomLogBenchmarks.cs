using BenchmarkDotNet.Attributes;
using PipeWs.Server.Rooms;

namespace PipeWs.Benchmarks.Hubs;

/// <summary>The room's log alone: a message encoded and appended, and what each member pays to find it. Figures are per message.</summary>
[MemoryDiagnoser]
public class RoomLogBenchmarks
{
    private const int Messages = 256;

    private readonly RoomLog _log = new(Messages, long.MaxValue);
    private byte[] _payload = [];

    [Params(128, 16384)]
    public int PayloadBytes { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _payload = new byte[PayloadBytes];
        Append();
    }

    /// <summary>Into a ring that is full: each message takes the place of one.</summary>
    [Benchmark(OperationsPerInvoke = Messages, Baseline = true)]
    public void Append()
    {
        for (int i = 0; i < Messages; i++)
        {
            WsFrame frame = WsFrame.Create(WsMessageType.Text, _payload);
            frame.SequenceNumber = _log.Reserve();
            _log.Place(frame);
        }
    }

    /// <summary>By one who follows from its tail to its head: found, held, and let go.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    public long Read()
    {
        long bytes = 0;
        for (long number = _log.Tail; _log.TryRead(number, out WsFrame? frame) == RoomLog.ReadResult.Found; number++)
        {
            bytes += frame!.Length;
            frame.Release();
        }

        return bytes;
    }

    /// <summary>By one who has everything: what a walk costs that comes in vain.</summary>
    [Benchmark]
    public bool ReadNothing() => _log.TryRead(_log.Head + 1, out _) == RoomLog.ReadResult.NotYet;
}
