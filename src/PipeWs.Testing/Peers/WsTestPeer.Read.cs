using System.Text.Json.Serialization.Metadata;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

// Reading frames and messages, in the order in which they came.
public sealed partial class WsTestPeer
{
    private TimeSpan Patience => System.Diagnostics.Debugger.IsAttached ? Timeout.InfiniteTimeSpan : _options.Patience;

    /// <summary>Reads the next frame of any kind, pings and pongs among them, also those that were answered.</summary>
    /// <exception cref="WsAssertionException">None came in time, or the connection has ended.</exception>
    public Task<WsRawFrame> ReadFrameAsync(CancellationToken cancellationToken = default) => TakeAsync("a frame", TakeFrame, cancellationToken);

    /// <summary>Reads the next message, its fragments put together; passes over pings and pongs.</summary>
    /// <exception cref="WsAssertionException">None came in time, or the connection was closed or has ended.</exception>
    public Task<WsTestMessage> ReadMessageAsync(CancellationToken cancellationToken = default) => ReadAsync("a message", static _ => true, cancellationToken);

    /// <summary>Reads the next message, which must be text.</summary>
    /// <inheritdoc cref="ReadMessageAsync"/>
    public async Task<string> ReadTextAsync(CancellationToken cancellationToken = default) =>
        (await ReadAsync("a text message", static message => message.MessageType == WsMessageType.Text, cancellationToken)).Text;

    /// <summary>Reads the next message, which must be binary.</summary>
    /// <inheritdoc cref="ReadMessageAsync"/>
    public async Task<ReadOnlyMemory<byte>> ReadBinaryAsync(CancellationToken cancellationToken = default) =>
        (await ReadAsync("a binary message", static message => message.MessageType == WsMessageType.Binary, cancellationToken)).Payload;

    /// <summary>Reads the next message, which must be a value as JSON.</summary>
    /// <exception cref="WsAssertionException">None came in time, it does not fit, or the connection was closed or has ended.</exception>
    public async Task<T> ReadJsonAsync<T>(JsonTypeInfo<T> type, CancellationToken cancellationToken = default) =>
        (await ReadAsync("a text message", static message => message.MessageType == WsMessageType.Text, cancellationToken)).Read(type);

    /// <summary>Reads all frames until the transport's end, however it comes.</summary>
    /// <exception cref="WsAssertionException">It did not come in time, or the other end broke the protocol.</exception>
    public async Task<IReadOnlyList<WsRawFrame>> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        await WhenEndedAsync(cancellationToken);
        lock (_gate)
        {
            if (_failure is WsAssertionException)
            {
                throw Failure("frames until the transport's end", _failure.Message);
            }

            WsRawFrame[] rest = [.. _inbox.Select(static arrived => arrived.Frame)];
            _inbox.Clear();
            return rest;
        }
    }

    /// <summary>Takes the messages that came and were not read yet, without waiting.</summary>
    public IReadOnlyList<WsTestMessage> TakeMessages()
    {
        lock (_gate)
        {
            WsTestMessage[] messages = [.. _inbox.Select(static arrived => arrived.Message).OfType<WsTestMessage>()];
            int unfinished = _fragments is null ? 0 : _messages;
            _inbox.RemoveAll(arrived => arrived.Frame.Opcode != Opcode.Close && (arrived.Number == 0 || arrived.Number != unfinished));
            return messages;
        }
    }

    internal async Task<WsTestMessage> ReadAsync(string expected, Func<WsTestMessage, bool> isIt, CancellationToken cancellationToken)
    {
        WsTestMessage? came = null;
        WsTestMessage message = await TakeAsync(
            expected,
            () =>
            {
                came = TakeMessage();
                return came;
            },
            cancellationToken);
        return isIt(message) ? message : throw Failure(expected, $"another message came: {Shorten(message.ToString())}");
    }

    /// <summary>Reads on until a message is the one; those before it are <paramref name="skipped"/>.</summary>
    private Task<WsTestMessage> ReadUntilAsync(string expected, Func<WsTestMessage, bool> isIt, List<WsTestMessage> skipped, CancellationToken cancellationToken) => TakeAsync(
        expected,
        () =>
        {
            while (TakeMessage() is { } message)
            {
                if (isIt(message))
                {
                    return message;
                }

                skipped.Add(message);
            }

            return null;
        },
        cancellationToken);

    /// <summary>Takes a message out of the middle of what came; whatever else there is stays.</summary>
    private Task<WsTestMessage> PickAsync(string expected, Func<WsTestMessage, bool> isIt, CancellationToken cancellationToken) => TakeAsync(
        expected,
        () =>
        {
            int index = _inbox.FindIndex(arrived => arrived.Message is { } message && isIt(message));
            return index < 0 ? null : TakeAt(index);
        },
        cancellationToken);

    // The rest is called with the gate held.
    private WsRawFrame? TakeFrame()
    {
        if (_inbox.Count == 0)
        {
            return null;
        }

        WsRawFrame frame = _inbox[0].Frame;
        _inbox.RemoveAt(0);
        return frame;
    }

    private WsTestMessage? TakeMessage()
    {
        while (_inbox.Count > 0 && _inbox[0].Frame.Opcode is Opcode.Ping or Opcode.Pong)
        {
            _inbox.RemoveAt(0);
        }

        if (_inbox.Count == 0 || _inbox[0].Number == 0)
        {
            return null;
        }

        int number = _inbox[0].Number;
        int index = _inbox.FindIndex(arrived => arrived.Number == number && arrived.Message is not null);
        return index < 0 ? null : TakeAt(index);
    }

    private WsTestMessage TakeAt(int index)
    {
        Arrived last = _inbox[index];
        _inbox.RemoveAll(arrived => arrived.Number == last.Number);
        return last.Message!;
    }

    private bool IsClosedNext => _inbox.Find(static arrived => arrived.Frame.Opcode is not (Opcode.Ping or Opcode.Pong)) is { Frame.Opcode: Opcode.Close };

    private async Task<WsRawFrame> TakeAsync(string expected, Func<WsRawFrame?> tryTake, CancellationToken cancellationToken)
    {
        WsRawFrame? taken = null;
        await WaitAsync(expected, () => (taken = tryTake()) is not null, static () => null, cancellationToken);
        return taken!.Value;
    }

    private async Task<WsTestMessage> TakeAsync(string expected, Func<WsTestMessage?> tryTake, CancellationToken cancellationToken)
    {
        WsTestMessage? taken = null;
        await WaitAsync(expected, () => (taken = tryTake()) is not null, () => IsClosedNext ? $"the other end closed: {CloseFrame}" : null, cancellationToken);
        return taken!;
    }

    /// <summary>Waits until something has come about, looking again whenever something came.</summary>
    /// <param name="expected">What is expected, for the failure's message.</param>
    /// <param name="isDone">Whether it has; with the gate held.</param>
    /// <param name="isVain">Why it never will; null where it may yet. With the gate held.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private async Task WaitAsync(string expected, Func<bool> isDone, Func<string?> isVain, CancellationToken cancellationToken)
    {
        long start = Environment.TickCount64;
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (isDone())
                {
                    return;
                }

                if ((isVain() ?? DescribeEnd()) is { } why)
                {
                    throw Failure(expected, why);
                }

                changed = _changed.Task;
            }

            try
            {
                TimeSpan left = Patience == Timeout.InfiniteTimeSpan ? Patience : Patience - TimeSpan.FromMilliseconds(Environment.TickCount64 - start);
                await changed.WaitAsync(left > TimeSpan.Zero || left == Timeout.InfiniteTimeSpan ? left : TimeSpan.Zero, cancellationToken);
            }
            catch (TimeoutException)
            {
                throw Failure(expected, $"nothing of the kind came within {_options.Patience}{(IsReading ? "" : "; this peer has stopped reading")}");
            }
        }
    }

    private string? DescribeEnd() => !_isOver ? null : _failure switch
    {
        null => CloseFrame is { } close ? $"the connection has ended after {close}" : "the transport ended without a close frame (1006)",
        WsAssertionException broken => broken.Message,
        _ => $"the transport broke: {_failure.Message}",
    };
}
