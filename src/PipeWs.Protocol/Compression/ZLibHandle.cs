using System.Runtime.InteropServices;

namespace PipeWs.Protocol.Compression;

/// <summary>Owns one deflating or inflating state of zlib's. For one thread at a time.</summary>
internal sealed unsafe class ZLibHandle : SafeHandle
{
    private static long s_alive;

    private readonly bool _deflates;
    private readonly int _rawWindowBits;
    private ZLib.ZStream _stream;

    private ZLibHandle(bool deflates, int windowBits)
        : base(0, ownsHandle: true)
    {
        _deflates = deflates;

        // Negative: deflate as it is, with neither zlib's nor gzip's header and check.
        _rawWindowBits = -windowBits;
    }

    /// <summary>How many states there are in the process.</summary>
    public static long Alive => Volatile.Read(ref s_alive);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    public static ZLibHandle ForDeflate(int windowBits, int level)
    {
        var state = new ZLibHandle(deflates: true, windowBits);
        fixed (ZLib.ZStream* stream = &state._stream)
        {
            state.Begin(ZLib.DeflateInit(stream, level, ZLib.Deflated, state._rawWindowBits, ZLib.DefaultMemoryLevel, ZLib.DefaultStrategy));
        }

        return state;
    }

    public static ZLibHandle ForInflate(int windowBits)
    {
        var state = new ZLibHandle(deflates: false, windowBits);
        fixed (ZLib.ZStream* stream = &state._stream)
        {
            state.Begin(ZLib.InflateInit(stream, state._rawWindowBits));
        }

        return state;
    }

    /// <summary>Deflates or inflates as far as the bytes and the room allow.</summary>
    /// <returns>zlib's own result.</returns>
    public int Run(ReadOnlySpan<byte> source, Span<byte> destination, int flush, out int consumed, out int written)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        int result;
        fixed (ZLib.ZStream* stream = &_stream)
        fixed (byte* input = source)
        fixed (byte* output = destination)
        {
            stream->NextIn = input;
            stream->AvailableIn = (uint)source.Length;
            stream->NextOut = output;
            stream->AvailableOut = (uint)destination.Length;
            result = _deflates ? ZLib.Deflate(stream, flush) : ZLib.Inflate(stream, flush);
            consumed = source.Length - (int)stream->AvailableIn;
            written = destination.Length - (int)stream->AvailableOut;
            stream->NextIn = null;
            stream->NextOut = null;
        }

        GC.KeepAlive(this);
        if (result == ZLib.MemoryError)
        {
            throw new InsufficientMemoryException("zlib could not allocate its state.");
        }

        return result;
    }

    /// <summary>Makes an inflating state as good as new.</summary>
    public void ResetInflate()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        fixed (ZLib.ZStream* stream = &_stream)
        {
            Check(ZLib.InflateReset(stream, _rawWindowBits));
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Interlocked.Decrement(ref s_alive);
        fixed (ZLib.ZStream* stream = &_stream)
        {
            return (_deflates ? ZLib.DeflateEnd(stream) : ZLib.InflateEnd(stream)) == ZLib.NoError;
        }
    }

    private void Begin(int result)
    {
        Check(result);
        SetHandle((nint)_stream.State);
        Interlocked.Increment(ref s_alive);
    }

    private static void Check(int result)
    {
        if (result == ZLib.MemoryError)
        {
            throw new InsufficientMemoryException("zlib could not allocate its state.");
        }

        if (result != ZLib.NoError)
        {
            throw new InvalidOperationException($"zlib refused its arguments ({result}).");
        }
    }
}
