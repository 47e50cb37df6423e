using BenchmarkDotNet.Attributes;
using PipeWs.Protocol.Framing;

namespace PipeWs.Benchmarks.Framing;

/// <summary>Reading and judging a header as the receive loop does, and writing one.</summary>
[MemoryDiagnoser]
public class FrameHeaderBenchmarks
{
    private readonly byte[] _buffer = new byte[FrameHeader.MaxLength];
    private byte[] _masked = [];

    [Params(125, 1024, 1 << 20)]
    public int PayloadBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        byte[] header = new byte[FrameHeader.MaxLength];
        int length = FrameHeader.WriteMasked(header, Opcode.Text, PayloadBytes, 0x3D21FA37);
        _masked = header[..length];
    }

    [Benchmark]
    public ulong Read()
    {
        FrameHeader.TryRead(_masked, out FrameHeader header);
        return header.PayloadLength + header.MaskingKey;
    }

    [Benchmark]
    public bool ReadAndJudge()
    {
        return FrameHeader.TryRead(_masked, out FrameHeader header)
            && !FrameRules.CheckStart(header, isServer: true, inMessage: false, allowRsv1: false).IsError
            && !FrameRules.CheckLength(header).IsError;
    }

    [Benchmark]
    public int Write() => FrameHeader.Write(_buffer, Opcode.Text, PayloadBytes);

    [Benchmark]
    public int WriteMasked() => FrameHeader.WriteMasked(_buffer, Opcode.Text, PayloadBytes, 0x3D21FA37);
}
