using System.Text;
using BenchmarkDotNet.Attributes;
using PipeWs.Server;

namespace PipeWs.Benchmarks.Hubs;

/// <summary>Publishing to delivery without the sockets: encode, append, walk the members, write each one's frame and flush it. Few enough members that the publisher serves all itself.</summary>
[MemoryDiagnoser]
public class PublishBenchmarks
{
    private readonly byte[] _data = Encoding.UTF8.GetBytes("""{"symbol":"BTC-USDT","bestBid":"61837.63000000","bestBidSize":"3.78826000","bestAsk":"61837.64000000","bestAskSize":"1.54698000"}""");
    private BenchmarkHub _hub = null!;
    private IWsRoom _room = null!;

    [Params(0, 1, 32)]
    public int Members { get; set; }

    [GlobalSetup]
    public async Task SetUp()
    {
        _hub = new BenchmarkHub();
        for (int i = 0; i < Members; i++)
        {
            _hub.Connect();
        }

        foreach (IWsConnection connection in _hub.Hub.Connections)
        {
            await connection.JoinAsync("room");
        }

        _room = _hub.Hub.Room("room");
    }

    [GlobalCleanup]
    public void CleanUp() => _hub.Dispose();

    [Benchmark]
    public long Publish() => _room.Publish(_data, new WsPublishOptions("ticker"));
}
