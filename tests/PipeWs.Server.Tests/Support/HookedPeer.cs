using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Tests.Support;

/// <summary>A connection of a hub whose transport calls back in the middle of a flush, on the thread that writes, or holds the flush up.</summary>
internal sealed class HookedPeer : IAsyncDisposable
{
    private readonly Pipe _toServer = new();
    private readonly HookedWriter _output;
    private readonly Task _served;

    internal HookedPeer(Hub hub)
    {
        string[] before = [.. hub.Connections.Select(connection => connection.Id)];
        _output = new HookedWriter();
        _served = hub.RunAsync(new AcceptedConnection(_ => _toServer.Writer.Complete())
        {
            Transport = new Duplex(_toServer.Reader, _output),
            Path = "/ws",
            TransportClosed = CancellationToken.None,
            CloseRequested = CancellationToken.None,
        });
        Connection = (HubConnection)hub.Connections.Single(connection => !before.Contains(connection.Id));
    }

    internal HubConnection Connection { get; }

    /// <summary>Called once, inside the next flush.</summary>
    internal Action? OnFlush
    {
        set => _output.OnFlush = value;
    }

    /// <summary>The most bytes that were handed over at once.</summary>
    internal int LargestFlushBytes => _output.LargestFlushBytes;

    /// <summary>All the bytes that were handed over.</summary>
    internal int FlushedBytes => _output.FlushedBytes;

    /// <summary>The payloads of the frames that were flushed.</summary>
    internal List<string> Texts
    {
        get
        {
            ReadOnlySpan<byte> bytes = _output.Flushed;
            List<string> texts = [];
            while (FrameHeader.TryRead(bytes, out FrameHeader header))
            {
                int length = (int)header.PayloadLength;
                if (header.Opcode == Opcode.Text)
                {
                    texts.Add(Encoding.UTF8.GetString(bytes.Slice(header.Length, length)));
                }

                bytes = bytes[(header.Length + length)..];
            }

            return texts;
        }
    }

    /// <summary>From now on the transport takes nothing more, like a peer's that does not read.</summary>
    internal void Stall() => _output.Stall();

    /// <summary>The transport takes what it was given, and all that comes.</summary>
    internal void Resume() => _output.Resume();

    internal async Task SendAsync(string text)
    {
        byte[] payload = Encoding.UTF8.GetBytes(text);
        var frame = new byte[FrameHeader.MaxLength + payload.Length];
        int header = FrameHeader.WriteMasked(frame, Opcode.Text, payload.Length, maskingKey: 0);
        payload.CopyTo(frame, header);
        await _toServer.Writer.WriteAsync(frame.AsMemory(0, header + payload.Length));
    }

    public async ValueTask DisposeAsync()
    {
        Connection.Abort();
        await _toServer.Writer.CompleteAsync();
        await _served.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private sealed class HookedWriter : PipeWriter
    {
        private readonly Lock _lock = new();
        private readonly ArrayBufferWriter<byte> _written = new();
        private TaskCompletionSource<FlushResult>? _stalled;
        private Action? _onFlush;
        private int _flushedBytes;

        internal int LargestFlushBytes { get; private set; }

        internal int FlushedBytes => Volatile.Read(ref _flushedBytes);

        internal Action? OnFlush
        {
            set => Volatile.Write(ref _onFlush, value);
        }

        internal byte[] Flushed
        {
            get
            {
                lock (_lock)
                {
                    return _written.WrittenSpan[.._flushedBytes].ToArray();
                }
            }
        }

        public override void Advance(int bytes)
        {
            lock (_lock)
            {
                _written.Advance(bytes);
            }
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _written.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _written.GetSpan(sizeHint);

        public override void CancelPendingFlush() => Resume();

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Exchange(ref _onFlush, null)?.Invoke();
            lock (_lock)
            {
                LargestFlushBytes = Math.Max(LargestFlushBytes, _written.WrittenCount - _flushedBytes);
                _flushedBytes = _written.WrittenCount;
                return _stalled is not null ? new ValueTask<FlushResult>(_stalled.Task) : default;
            }
        }

        internal void Stall()
        {
            lock (_lock)
            {
                _stalled ??= new TaskCompletionSource<FlushResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        internal void Resume()
        {
            TaskCompletionSource<FlushResult>? stalled;
            lock (_lock)
            {
                stalled = _stalled;
                _stalled = null;
            }

            stalled?.TrySetResult(default);
        }
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
