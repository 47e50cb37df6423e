using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using PipeWs.Transport.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Hosting;

/// <summary>
/// Listens at an endpoint. The one who asks for the next connection accepts it; only where there is none does the loop say when there is. Each goes to the next loop in turn.
/// </summary>
internal sealed class LoopListener : IConnectionListener, ILoopItem
{
    private static readonly TimeSpan s_exhaustedDelay = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly int _file;
    private readonly LoopGroup _loops;
    private readonly ConnectionSetting _setting;
    private readonly bool _noDelay;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _unbound = new();
    private TaskCompletionSource? _waiter;
    private ulong _data;
    private bool _isWatched;
    private bool _isUnbound;

    /// <summary>Takes over a socket that listens and does not block.</summary>
    public LoopListener(Socket socket, EndPoint endPoint, LoopGroup loops, ConnectionSetting setting, bool noDelay)
    {
        _socket = socket;
        _file = (int)socket.SafeHandle.DangerousGetHandle();
        _loops = loops;
        _setting = setting;
        _noDelay = noDelay;
        EndPoint = endPoint;
    }

    /// <inheritdoc/>
    public EndPoint EndPoint { get; }

    /// <inheritdoc/>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (!Volatile.Read(ref _isUnbound))
        {
            cancellationToken.ThrowIfCancellationRequested();
            int file = TryAccept(out EndPoint? remote);
            if (file >= 0)
            {
                return Open(file, remote);
            }

            int error = -file;
            if (error == Errno.TryAgain)
            {
                await WaitAsync(cancellationToken);
            }
            else if (!Errno.IsOfTheConnection(error))
            {
                TransportLog.AcceptHeldUp(_setting.Logger, EndPoint, Errno.Describe(error), s_exhaustedDelay);
                await DelayAsync(cancellationToken);
            }

            // What else accept() fails with is the connection's own end, which came before it was accepted.
        }

        return null;
    }

    /// <inheritdoc/>
    public void OnEvents(uint flags, LoopThread thread)
    {
        // Reported again and again until it is disarmed here: an event that a thread takes with it when it loses the loop is not the last.
        TaskCompletionSource? waiter;
        lock (_gate)
        {
            waiter = _waiter;
            _waiter = null;
            if (!_isUnbound)
            {
                _ = _loops.First.Watch(_file, 0, _data, isWatched: true);
            }
        }

        waiter?.TrySetResult();
    }

    /// <inheritdoc/>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        TaskCompletionSource? waiter;
        lock (_gate)
        {
            if (_isUnbound)
            {
                return default;
            }

            Volatile.Write(ref _isUnbound, true);
            waiter = _waiter;
            _waiter = null;
            if (_isWatched)
            {
                _ = _loops.First.Unwatch(_file);
                _loops.First.ScheduleOwn(static listener => ((LoopListener)listener!).Unregister(), this);
            }

            _socket.Dispose();
        }

        waiter?.TrySetResult();
        _unbound.Cancel();
        return default;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await UnbindAsync();
        _unbound.Dispose();
    }

    private LoopConnection Open(int file, EndPoint? remote)
    {
        if (_noDelay && _setting.Local.AddressFamily != AddressFamily.Unix)
        {
            _ = Libc.SetNoDelay(file);
        }

        try
        {
            var connection = new LoopConnection(file, _loops.Next(), remote, _setting);
            connection.Start();
            return connection;
        }
        catch
        {
            _ = Libc.Close(file);
            throw;
        }
    }

    private int TryAccept(out EndPoint? remote)
    {
        remote = null;
        Span<byte> address = stackalloc byte[SocketAddressReader.MaxBytes];
        lock (_gate)
        {
            if (_isUnbound)
            {
                return -Errno.ConnectionAborted;
            }

            int file = Libc.Accept(_file, address, out int length);
            if (file >= 0)
            {
                remote = SocketAddressReader.Read(address[..length], _setting.Local);
            }

            return file;
        }
    }

    private Task WaitAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (_isUnbound)
            {
                return Task.CompletedTask;
            }

            waiter = _waiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _loops.First.ScheduleOwn(static listener => ((LoopListener)listener!).Watch(), this);
        return waiter.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Asks to be told once. On the loop.</summary>
    private void Watch()
    {
        TaskCompletionSource? waiter;
        lock (_gate)
        {
            if (_isUnbound)
            {
                return;
            }

            ulong data = _isWatched ? _data : _loops.First.Add(this);
            int result = _loops.First.Watch(_file, EventPoll.In, data, _isWatched);
            if (result >= 0)
            {
                _data = data;
                _isWatched = true;
                return;
            }

            if (!_isWatched)
            {
                _loops.First.Remove(data);
            }

            TransportLog.AcceptHeldUp(_setting.Logger, EndPoint, Errno.Describe(-result), s_exhaustedDelay);
            waiter = _waiter;
            _waiter = null;
        }

        _ = AwakeLaterAsync(waiter);
    }

    private async Task AwakeLaterAsync(TaskCompletionSource? waiter)
    {
        await DelayAsync(CancellationToken.None);
        waiter?.TrySetResult();
    }

    private void Unregister() => _loops.First.Remove(_data);

    private async Task DelayAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _unbound.Token);
            await Task.Delay(s_exhaustedDelay, either.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException && Volatile.Read(ref _isUnbound))
        {
            // Nobody waits for a connection any more.
        }
    }
}
