using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace PipeWs.Sockets;

/// <summary>
/// Writes straight to a plain socket, in place of the output pipe of the transport that owns it: what is written between two flushes is gathered in one pooled
/// buffer and leaves in one send that does not wait. Only what the kernel did not take goes on asynchronously, and the flush lasts until it has.
/// Between flushes it holds no buffer.
/// </summary>
/// <remarks>
/// Nothing else may write to the socket: the transport's own output must be empty and stay so. As with every writer one caller at a time uses it, and here not
/// while a flush is under way either. A peer or a transport that has gone is no exception but a flush whose result is completed.
/// </remarks>
internal sealed class SocketPipeWriter : PipeWriter
{
    /// <summary>What is gathered before the first bytes are sent early, in bytes. As much as a connection hands over at a time, unless a frame is larger.</summary>
    internal const int BufferBytes = 64 * 1024;

    /// <summary>From this many bytes on what is written with its flush is not copied.</summary>
    internal const int MinDirectBytes = 8 * 1024;

    private readonly Socket _socket;
    private readonly SafeSocketHandle _handle;
    private readonly PipeWriter _transportOutput;
    private readonly bool _isLowLatency;
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private bool _isEnded;

    /// <summary>Takes over the sending half of a socket.</summary>
    /// <param name="socket">The socket. From here on its synchronous operations do not wait; asynchronous ones are as they were.</param>
    /// <param name="transportOutput">The output of the transport that owns the socket. It gets no bytes, only the completion, upon which the transport closes the socket.</param>
    /// <param name="isLowLatency">Whether it sends by the system's own call where it can (<see cref="LinuxSocket"/>), for which the collector waits.</param>
    /// <exception cref="ObjectDisposedException">The socket is closed already.</exception>
    internal SocketPipeWriter(Socket socket, PipeWriter transportOutput, bool isLowLatency)
    {
        _isLowLatency = isLowLatency;
        _socket = socket;
        _handle = socket.SafeHandle;
        _transportOutput = transportOutput;
        socket.Blocking = false;
    }

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <summary>The bytes gathered and not sent yet.</summary>
    public override long UnflushedBytes => _end - _start;

    /// <summary>Whether it sends by the system's own call where it can.</summary>
    internal bool IsLowLatency => _isLowLatency;

    /// <summary>Whether it holds a buffer.</summary>
    internal bool HoldsBuffer => _buffer is not null;

    /// <summary>Reads what a send will need of the socket, and changes nothing: see <see cref="WsConnection.Prefetch"/>.</summary>
    internal int Prefetch() => (_socket.GetType() == typeof(Socket) ? 1 : 0) + (int)_socket.AddressFamily + (_handle.IsInvalid ? 1 : 0);

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsMemory(_end);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsSpan(_end);
    }

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)((_buffer?.Length ?? 0) - _end), nameof(bytes));
        _end += bytes;
    }

    /// <summary>Sends what was gathered. Completes when the kernel has taken all of it, or never will.</summary>
    /// <param name="cancellationToken">Not looked at: nobody could say how much of a send that was given up has left.</param>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (TrySend())
        {
            ReturnBuffer();
            return new ValueTask<FlushResult>(Result);
        }

        return SendTheRestAsync();
    }

    /// <summary>Sends the bytes after those gathered before. What is large, or alone, is not copied, but for what the kernel does not take at once.</summary>
    /// <inheritdoc cref="FlushAsync"/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        ReadOnlySpan<byte> bytes = source.Span;
        if (_start != _end && bytes.Length < MinDirectBytes)
        {
            Gather(bytes);
            return FlushAsync(cancellationToken);
        }

        if (TrySend() && TrySend(ref bytes))
        {
            ReturnBuffer();
            return new ValueTask<FlushResult>(Result);
        }

        // The kernel has no room, as it has just said.
        Gather(bytes);
        return SendTheRestAsync();
    }

    /// <summary>Does nothing: a flush under way ends when the peer reads, or when the transport is aborted.</summary>
    public override void CancelPendingFlush()
    {
    }

    /// <summary>Drops what was not flushed and completes the transport's output. Not while a flush is under way.</summary>
    public override void Complete(Exception? exception = null)
    {
        _isEnded = true;
        ReturnBuffer();
        _transportOutput.Complete(exception);
    }

    /// <summary>Said by the flush when the rest is sent, or failed to be.</summary>
    internal FlushResult EndFlush(bool hasFailed)
    {
        _isEnded |= hasFailed;
        ReturnBuffer();
        return Result;
    }

    private FlushResult Result => new(isCanceled: false, isCompleted: _isEnded);

    private void Gather(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Advance(bytes.Length);
    }

    private ValueTask<FlushResult> SendTheRestAsync()
    {
        KeepTheRestOnly();
        return SocketFlush.StartAsync(this, _socket, _buffer.AsMemory(_start, _end - _start));
    }

    /// <summary>Sends as much as the kernel takes now.</summary>
    /// <returns><see langword="false"/> where some is left. All is sent where the socket takes no more at all.</returns>
    private bool TrySend()
    {
        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_start, _end - _start);
        bool isAll = TrySend(ref bytes);
        _start = _end - bytes.Length;
        if (isAll)
        {
            _start = _end = 0;
        }

        return isAll;
    }

    /// <inheritdoc cref="TrySend()"/>
    private bool TrySend(ref ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !_isEnded)
        {
            int sent;
            SocketError error;
            try
            {
                sent = 0;
                error = SocketError.SocketError;
                if (_isLowLatency)
                {
                    sent = LinuxSocket.TrySend(_handle, bytes, out error);
                }

                if (error == SocketError.SocketError)
                {
                    sent = _socket.Send(bytes, SocketFlags.None, out error);
                }
            }
            catch (ObjectDisposedException)
            {
                // The transport was aborted.
                sent = 0;
                error = SocketError.OperationAborted;
            }

            bytes = bytes[sent..];
            if (error is SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable)
            {
                return false;
            }

            _isEnded = error != SocketError.Success;
        }

        bytes = default;
        return true;
    }

    private void EnsureRoom(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_buffer is null || _buffer.Length - _end < Math.Max(1, sizeHint))
        {
            MakeRoom(Math.Max(1, sizeHint));
        }
    }

    private void MakeRoom(int needed)
    {
        // What is full leaves early, so that one buffer does for a message of any size, as long as the peer keeps up.
        if (_buffer is not null && TrySend() && _buffer.Length >= needed)
        {
            return;
        }

        int rest = _end - _start;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(rest == 0 ? BufferBytes : checked(2 * rest), checked(rest + needed)));
        MoveTo(larger);
    }

    /// <summary>A peer that reads slowly holds what waits for it, and not a whole buffer.</summary>
    private void KeepTheRestOnly()
    {
        int rest = _end - _start;
        if (rest <= _buffer!.Length / 4)
        {
            MoveTo(ArrayPool<byte>.Shared.Rent(rest));
        }
    }

    private void MoveTo(byte[] buffer)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(buffer);
        _end -= _start;
        _start = 0;
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = buffer;
    }

    private void ReturnBuffer()
    {
        _start = _end = 0;
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
