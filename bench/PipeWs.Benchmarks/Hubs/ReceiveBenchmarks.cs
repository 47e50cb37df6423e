using System.IO.Pipelines;
using System.Text;
using BenchmarkDotNet.Attributes;
using PipeWs.Protocol.Framing;
using PipeWs.Server;
using PipeWs.Server.Routing;

namespace PipeWs.Benchmarks.Hubs;

/// <summary>A message's whole way through the server without the sockets: frame, masking, UTF-8, route, handler, reply, frame. A batch of 32 a read; figures are per message.</summary>
[MemoryDiagnoser]
public class ReceiveBenchmarks
{
    private const int Batch = 32;

    private BenchmarkHub _raw = null!;
    private BenchmarkHub _routed = null!;
    private PipeWriter _rawPeer = null!;
    private PipeWriter _routedPeer = null!;
    private byte[] _rawFrames = null!;
    private byte[] _routedFrames = null!;

    [GlobalSetup]
    public void SetUp()
    {
        _raw = new BenchmarkHub(static hub => hub.OnText = static context => context.Connection.SendAsync(context.Payload, context.Type));
        _routed = new BenchmarkHub(static hub => hub.Actions.Add(new RawRoute("echo", static context => context.ReplyAsync("echo", context.Body))));
        _rawPeer = _raw.Connect().Peer;
        _routedPeer = _routed.Connect().Peer;
        _rawFrames = Frames(new string('x', 128));
        _routedFrames = Frames("""{"id":"17","action":"echo","data":{"symbol":"BTC-USDT","price":"61837.63000000","size":"0.02000000","side":"sell","sequence":3735683259}}""");
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _raw.Dispose();
        _routed.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Batch, Baseline = true)]
    public void Receive_and_echo_128_bytes() => Send(_rawPeer, _rawFrames);

    [Benchmark(OperationsPerInvoke = Batch)]
    public void Receive_route_and_reply_JSON() => Send(_routedPeer, _routedFrames);

    // The continuation of the connection's read runs inside the flush: when that returns, the batch has been answered.
    private static void Send(PipeWriter peer, byte[] frames)
    {
        frames.CopyTo(peer.GetSpan(frames.Length));
        peer.Advance(frames.Length);
        ValueTask<FlushResult> flush = peer.FlushAsync();
        if (!flush.IsCompletedSuccessfully)
        {
            throw new InvalidOperationException("The connection did not read.");
        }
    }

    private static byte[] Frames(string text)
    {
        const uint Key = 0x5AA51234;
        byte[] payload = Encoding.UTF8.GetBytes(text);
        byte[] one = new byte[FrameHeader.GetLength(payload.Length, masked: true) + payload.Length];
        int header = FrameHeader.WriteMasked(one, Opcode.Text, payload.Length, Key);
        Masking.Apply(payload, one.AsSpan(header), Key);
        return [.. Enumerable.Repeat(one, Batch).SelectMany(static frame => frame)];
    }
}
