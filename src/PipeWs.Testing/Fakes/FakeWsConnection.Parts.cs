using System.Buffers;
using System.IO.Pipelines;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

// Messages in parts, through a real connection whose frames are put together again.
public sealed partial class FakeWsConnection
{
    private WsConnection? _real;

    /// <summary>Begins a message that is sent in parts. It is remembered among <see cref="FakeWsSender.Sent"/> once it is whole; one that is abandoned closes the connection with 1011.</summary>
    /// <inheritdoc/>
    public WsMessageWriter BeginMessage(WsMessageType type)
    {
        WsConnection real;
        lock (_roomGate)
        {
            real = _real ??= new WsConnection(
                new FrameSink(this),
                WsRole.Server,
                new WsConnectionOptions(),

                // Its time never moves.
                new WsHeartbeat(new WsTestClock()));
        }

        if (_isEnding)
        {
            real.Abort();
        }

        return real.BeginMessage(type);
    }

    /// <summary>A message that is under way fails from here on, as one that is begun later does.</summary>
    private void EndParts()
    {
        WsConnection? real;
        lock (_roomGate)
        {
            real = _real;
        }

        real?.Abort();
    }

    private void OnFrame(WsRawFrame frame, List<WsRawFrame> fragments)
    {
        if (frame.Opcode == Opcode.Close)
        {
            End(new WsCloseInfo(frame.CloseCode, frame.CloseReason, WsCloseInitiator.Local, WasClean: true), isAsked: true);
            return;
        }

        fragments.Add(frame);
        if (frame.Fin)
        {
            Record(new WsTestMessage(
                fragments[0].Opcode == Opcode.Text ? WsMessageType.Text : WsMessageType.Binary,
                fragments.SelectMany(static fragment => fragment.Payload.ToArray()).ToArray()));
            fragments.Clear();
        }
    }

    /// <summary>A transport from which nothing comes, and which takes every byte.</summary>
    private sealed class FrameSink(FakeWsConnection owner) : PipeWriter, IDuplexPipe
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();
        private readonly List<WsRawFrame> _fragments = [];
        private readonly Pipe _silence = new();

        public PipeReader Input => _silence.Reader;

        public PipeWriter Output => this;

        public override void Advance(int bytes) => _bytes.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _bytes.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _bytes.GetSpan(sizeHint);

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            var buffer = new ReadOnlySequence<byte>(_bytes.WrittenMemory.ToArray());
            _bytes.ResetWrittenCount();
            while (WsRawFrame.TryRead(ref buffer, out WsRawFrame frame))
            {
                owner.OnFrame(frame, _fragments);
            }

            // A frame that is not whole yet goes on with the next flush.
            _bytes.Write(buffer.ToArray());
            return default;
        }
    }
}
