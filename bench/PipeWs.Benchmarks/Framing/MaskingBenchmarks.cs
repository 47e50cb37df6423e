using BenchmarkDotNet.Attributes;
using PipeWs.Protocol.Framing;

namespace PipeWs.Benchmarks.Framing;

/// <summary>
/// Unmasking in place and masking by copy, against the byte loop. Whether a width earns its place shows when the wider ones are
/// switched off: <c>DOTNET_EnableAVX512=0</c>, <c>DOTNET_EnableAVX2=0</c>.
/// </summary>
[MemoryDiagnoser]
public class MaskingBenchmarks
{
    private const uint Key = 0x3D21FA37;
    private byte[] _payload = [];
    private byte[] _destination = [];

    [Params(16, 128, 1024, 16384, 1 << 20)]
    public int PayloadBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _payload = new byte[PayloadBytes];
        new Random(1).NextBytes(_payload);
        _destination = new byte[PayloadBytes];
    }

    [Benchmark(Baseline = true)]
    public void ByteLoop()
    {
        Span<byte> payload = _payload;
        ReadOnlySpan<byte> key = [0x37, 0xFA, 0x21, 0x3D];
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] ^= key[i & 3];
        }
    }

    [Benchmark]
    public void InPlace() => Masking.Apply(_payload, Key);

    [Benchmark]
    public void InPlaceFromOffset() => Masking.Apply(_payload.AsSpan(3), Key, 3);

    [Benchmark]
    public void Copy() => Masking.Apply(_payload, _destination, Key);
}
