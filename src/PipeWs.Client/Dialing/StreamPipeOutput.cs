using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PipeWs.Client.Dialing;

/// <summary>
/// Writes to a stream from one contiguous buffer, a call a flush. Unlike the pipe writer of the base library it never writes by itself when it is completed, which would
/// block a thread on a peer that does not read, and it holds no memory while there is nothing to send.
/// </summary>
internal sealed class StreamPipeOutput(Stream stream) : PipeWriter
{
    private const int MinBufferBytes = 4096;

    private byte[] _buffer = [];
    private int _length;
    private bool _completed;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _length;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_buffer.Length - _length));
        _length += bytes;
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _buffer.AsMemory(_length);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _buffer.AsSpan(_length);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        if (_length == 0)
        {
            return default;
        }

        ValueTask write = stream.WriteAsync(_buffer.AsMemory(0, _length), cancellationToken);
        if (!write.IsCompletedSuccessfully)
        {
            return FlushAwaited(write);
        }

        write.GetAwaiter().GetResult();
        Release();
        return default;
    }

    /// <summary>Does nothing: a flush under way ends with the transport, which whoever cancels drops.</summary>
    public override void CancelPendingFlush()
    {
    }

    public override void Complete(Exception? exception = null)
    {
        if (!_completed)
        {
            _completed = true;
            Release();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> FlushAwaited(ValueTask write)
    {
        await write.ConfigureAwait(false);
        Release();
        return default;
    }

    private void Ensure(int sizeHint)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        int needed = Math.Max(1, sizeHint);
        if (_buffer.Length - _length >= needed)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(MinBufferBytes, Math.Max(2 * _buffer.Length, checked(_length + needed))));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        int length = _length;
        Release();
        _buffer = larger;
        _length = length;
    }

    private void Release()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }

        _length = 0;
    }
}
