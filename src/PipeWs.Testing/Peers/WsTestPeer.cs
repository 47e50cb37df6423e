using System.Buffers;
using System.IO.Pipelines;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>
/// One end of a WebSocket in a test's hands, client or server: it sends any frame or bytes, legal or not, and keeps what comes until it is read. What is read and does not
/// come fails with a <see cref="WsAssertionException"/> that says what came instead. Every member is safe from any thread.
/// </summary>
/// <remarks>
/// It reads all the time, as a real peer's kernel does, unless <see cref="StopReading"/> says otherwise. <c>Expect...</c> methods take the next message and fail where it is
/// another; <c>Until...</c> methods pass over others; methods with "Frame" see every frame, control frames among them.
/// </remarks>
public sealed partial class WsTestPeer : IAsyncDisposable
{
    private readonly PeerTransport _transport;
    private readonly WsTestPeerOptions _options;
    private readonly WsRole _role;
    private readonly Lock _gate = new();
    private readonly List<Arrived> _inbox = [];
    private readonly Task _pump;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _changed = NewSignal();
    private TaskCompletionSource? _stopped;
    private List<WsRawFrame>? _fragments;
    private Exception? _failure;
    private bool _isCut;
    private int _messages;
    private bool _isOver;
    private volatile bool _isAborted;

    /// <summary>Creates a peer over any duplex pipe whose handshake is done, or needs none.</summary>
    /// <param name="transport">Where bytes come from and go to; the peer completes both sides.</param>
    /// <param name="role">Which end this is: a client masks what it sends.</param>
    /// <param name="options">What it does by itself; null for the defaults.</param>
    public WsTestPeer(IDuplexPipe transport, WsRole role = WsRole.Client, WsTestPeerOptions? options = null)
        : this(new PlainTransport(transport ?? throw new ArgumentNullException(nameof(transport))), role, options)
    {
    }

    internal WsTestPeer(PeerTransport transport, WsRole role, WsTestPeerOptions? options, DeflateParameters? compression = null)
    {
        _compression = compression;
        _transport = transport;
        _role = role;
        _options = options ?? new WsTestPeerOptions();
        _pump = PumpAsync();
    }

    /// <summary>Which end this is.</summary>
    public WsRole Role => _role;

    /// <summary>The hub's own connection at the other end.</summary>
    /// <exception cref="InvalidOperationException">The other end is no hub of a <see cref="WsTestServer"/>, or the connection is not in the hub, any more or yet.</exception>
    public IWsConnection Connection => _transport.Connection
        ?? throw new InvalidOperationException("No connection of a hub belongs to this peer: the other end is no hub of this process, or has not let it in, or it has ended.");

    /// <summary>The hub's welcome; null where none came, or where it is read like any other message (<see cref="WsTestPeerOptions.TakesWelcome"/>).</summary>
    public WsTestMessage? Welcome { get; private set; }

    /// <summary>The close frame that came; null before.</summary>
    public WsRawFrame? CloseFrame { get; private set; }

    /// <summary>Completes when nothing more will come, for whatever reason; never fails.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether nothing more will come.</summary>
    public bool HasEnded => _ended.Task.IsCompleted;

    /// <summary>How many frames came and were not read yet.</summary>
    public int WaitingFrames
    {
        get
        {
            lock (_gate)
            {
                return _inbox.Count;
            }
        }
    }

    internal bool IsReading => _stopped is null;

    /// <summary>
    /// Stops reading, like a peer whose application hangs: once the transport's window is full, the other end's writes wait. Nothing that comes from now on is seen.
    /// </summary>
    public void StopReading()
    {
        lock (_gate)
        {
            // Whoever lets it read on does the reading, so that what waited has come when that returns.
            _stopped ??= new TaskCompletionSource();
        }
    }

    /// <summary>Reads on.</summary>
    public void ResumeReading()
    {
        TaskCompletionSource? stopped;
        lock (_gate)
        {
            stopped = _stopped;
            _stopped = null;
        }

        stopped?.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task PumpAsync()
    {
        PipeReader input = _transport.Input;
        try
        {
            while (!_isAborted)
            {
                ReadResult result = await input.ReadAsync().ConfigureAwait(false);
                if (await IsHeldAsync(input, result).ConfigureAwait(false))
                {
                    continue;
                }

                ReadOnlySequence<byte> buffer = result.Buffer;
                while (WsRawFrame.TryRead(ref buffer, out WsRawFrame frame))
                {
                    OnFrame(frame);
                }

                _isCut = result.IsCompleted && !buffer.IsEmpty;
                input.AdvanceTo(buffer.Start, buffer.End);
                if (_isCut)
                {
                    throw new WsAssertionException($"The transport ended inside a frame, of which {buffer.Length} bytes had come.");
                }

                if (result.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception e)
        {
            // An end is reported where somebody waits for more; until then it is nobody's failure.
            _failure = e;
        }

        await EndAsync(input).ConfigureAwait(false);
    }

    // Without looking at what was read, so that it counts as waiting in the transport.
    private async ValueTask<bool> IsHeldAsync(PipeReader input, ReadResult result)
    {
        TaskCompletionSource? stopped;
        lock (_gate)
        {
            stopped = _stopped;
        }

        if (stopped is null || result.IsCompleted || _isAborted)
        {
            return false;
        }

        input.AdvanceTo(result.Buffer.Start);
        await stopped.Task.ConfigureAwait(false);
        return true;
    }

    private async Task EndAsync(PipeReader input)
    {
        lock (_gate)
        {
            _isOver = true;
        }

        await input.CompleteAsync().ConfigureAwait(false);
        _inflater?.Dispose();
        _ended.TrySetResult();
        Signal();
    }

    private void OnFrame(WsRawFrame frame)
    {
        Log(frame, isSent: false);
        if (frame.Masked == (_role == WsRole.Client))
        {
            throw new WsAssertionException($"A client masks every frame, and a server none (RFC 6455, 5.1). Came: {frame}.");
        }

        lock (_gate)
        {
            if (frame.IsControl)
            {
                _inbox.Add(new Arrived(frame, 0, null));
                CloseFrame ??= frame.Opcode == Opcode.Close ? frame : null;
            }
            else
            {
                AddFragment(frame);
            }
        }

        Signal();
        Answer(frame);
    }

    private void AddFragment(WsRawFrame frame)
    {
        if (frame.Opcode == Opcode.Continuation == (_fragments is null))
        {
            throw new WsAssertionException(
                $"{(_fragments is null ? "A continuation came with no message to continue" : "A message began inside a fragmented one")} (RFC 6455, 5.4). Came: {frame}.");
        }

        _messages += _fragments is null ? 1 : 0;
        (_fragments ??= []).Add(frame);
        if (!frame.Fin)
        {
            _inbox.Add(new Arrived(frame, _messages, null));
            return;
        }

        var message = new WsTestMessage(
            _fragments[0].Opcode == Opcode.Text ? WsMessageType.Text : WsMessageType.Binary,
            Inflate(_fragments, _fragments.Count == 1 ? frame.Payload : _fragments.SelectMany(static fragment => fragment.Payload.ToArray()).ToArray()));
        _fragments = null;
        if (_messages == 1 && _role == WsRole.Client && _options.TakesWelcome && message.IsJsonOf("welcome"))
        {
            _inbox.RemoveAll(arrived => arrived.Number == _messages);
            Welcome = message;
            return;
        }

        _inbox.Add(new Arrived(frame, _messages, message));
    }

    private void Answer(WsRawFrame frame)
    {
        if (frame.Opcode == Opcode.Ping && _options.AnswersPings)
        {
            _ = AnswerAsync(WsRawFrame.Pong(frame.Payload), isLast: false);
        }
        else if (frame.Opcode == Opcode.Close && _options.AnswersClose && !_closeSent)
        {
            // "When sending a Close frame in response, the endpoint typically echos the status code it received" (RFC 6455, section 5.5.1).
            _ = AnswerAsync(WsRawFrame.Close(frame.CloseCode), isLast: true);
        }
        else if (frame.Opcode == Opcode.Close && _closeSent && _role == WsRole.Server)
        {
            Finish();
        }
    }

    private async Task AnswerAsync(WsRawFrame frame, bool isLast)
    {
        await SendFrameAsync(frame);
        if (isLast && _role == WsRole.Server)
        {
            // The server closes the transport first (RFC 6455, section 7.1.1).
            Finish();
        }
    }

    private void Signal()
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            changed = _changed;
            _changed = NewSignal();
        }

        changed.TrySetResult();
    }

    /// <summary>A frame that came; where it completes a message, the message too.</summary>
    private readonly record struct Arrived(WsRawFrame Frame, int Number, WsTestMessage? Message);
}
