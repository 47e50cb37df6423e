using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Microsoft.Extensions.ObjectPool;

namespace PipeWs.Sockets;

/// <summary>
/// Sends what the kernel did not take at once. Pooled, so that a connection has one only while its peer is behind: the socket's own would stay with it,
/// and with it the last buffer that it sent.
/// </summary>
internal sealed class SocketFlush : SocketAsyncEventArgs, IValueTaskSource<FlushResult>
{
    private static readonly DefaultObjectPool<SocketFlush> s_pool = new(new DefaultPooledObjectPolicy<SocketFlush>(), 1024);

    private ManualResetValueTaskSourceCore<FlushResult> _completion;
    private SocketPipeWriter? _writer;
    private Socket? _socket;

    /// <summary>Creates one for the pool.</summary>
    public SocketFlush()
        : base(true)
    {
    }

    /// <summary>Sends the bytes, and then tells the writer.</summary>
    internal static ValueTask<FlushResult> StartAsync(SocketPipeWriter writer, Socket socket, Memory<byte> bytes)
    {
        SocketFlush flush = s_pool.Get();
        flush._writer = writer;
        flush._socket = socket;
        flush.SetBuffer(bytes);
        var task = new ValueTask<FlushResult>(flush, flush._completion.Version);
        if (!flush.IsUnderWay())
        {
            flush.GoOn();
        }

        return task;
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        FlushResult result = _completion.GetResult(token);
        _completion.Reset();
        s_pool.Return(this);
        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    protected override void OnCompleted(SocketAsyncEventArgs e) => GoOn();

    private bool IsUnderWay()
    {
        try
        {
            return _socket!.SendAsync(this);
        }
        catch (ObjectDisposedException)
        {
            SocketError = SocketError.OperationAborted;
            return false;
        }
    }

    /// <summary>A send has ended. The runtime sends all it is given before it says so; what a system leaves over is sent again.</summary>
    private void GoOn()
    {
        while (SocketError == SocketError.Success && BytesTransferred > 0 && BytesTransferred < Count)
        {
            SetBuffer(MemoryBuffer[(Offset + BytesTransferred)..(Offset + Count)]);
            if (IsUnderWay())
            {
                return;
            }
        }

        SocketPipeWriter writer = _writer!;
        bool hasFailed = SocketError != SocketError.Success || BytesTransferred == 0;
        _writer = null;
        _socket = null;
        SetBuffer(default);
        _completion.SetResult(writer.EndFlush(hasFailed));
    }
}
