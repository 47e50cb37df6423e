using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PipeWs.Protocol.Framing;

namespace PipeWs.Testing;

// What it sends. Sends wait their turn, and for the other end's window; what can no longer be sent, because the other end has gone, is dropped, as the network drops it.
public sealed partial class WsTestPeer
{
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly Lock _outputGate = new();
    private volatile bool _closeSent;
    private bool _outputIsOver;
    private uint _nextKey = 0x37FA213D;

    /// <summary>Sends a text message.</summary>
    public Task SendTextAsync(string text) => SendFrameAsync(WsRawFrame.Text(text));

    /// <summary>Sends a binary message.</summary>
    public Task SendBinaryAsync(ReadOnlyMemory<byte> payload) => SendFrameAsync(WsRawFrame.Binary(payload));

    /// <summary>Sends a value as a JSON text message, without an envelope.</summary>
    public Task SendJsonAsync<T>(T value, JsonTypeInfo<T> type) =>
        SendFrameAsync(new WsRawFrame(true, 0, Opcode.Text, null, JsonSerializer.SerializeToUtf8Bytes(value, type)));

    /// <summary>Sends a message as fragments, whatever their number and sizes. RFC 6455, section 5.4.</summary>
    /// <param name="type">Text or binary.</param>
    /// <param name="fragments">The payloads; the last one ends the message.</param>
    public async Task SendFragmentsAsync(WsMessageType type, params IReadOnlyList<ReadOnlyMemory<byte>> fragments)
    {
        ArgumentNullException.ThrowIfNull(fragments);
        for (int i = 0; i < fragments.Count; i++)
        {
            Opcode opcode = i > 0 ? Opcode.Continuation : type == WsMessageType.Text ? Opcode.Text : Opcode.Binary;
            await SendFrameAsync(new WsRawFrame(i == fragments.Count - 1, 0, opcode, null, fragments[i]));
        }
    }

    /// <summary>Sends a ping.</summary>
    public Task SendPingAsync(ReadOnlyMemory<byte> payload = default) => SendFrameAsync(WsRawFrame.Ping(payload));

    /// <summary>Sends a pong, asked for or not.</summary>
    public Task SendPongAsync(ReadOnlyMemory<byte> payload = default) => SendFrameAsync(WsRawFrame.Pong(payload));

    /// <summary>Sends a close frame and waits for nothing; see <see cref="CloseAsync"/>.</summary>
    /// <param name="code">Any code, legal or not; 1005 for an empty body.</param>
    /// <param name="reason">The reason.</param>
    public Task SendCloseAsync(ushort code = CloseCode.NormalClosure, string reason = "") => SendFrameAsync(WsRawFrame.Close(code, reason));

    /// <summary>Sends any frame, legal or not.</summary>
    /// <param name="frame">The frame. One without a masking key gets one where this is the client.</param>
    /// <param name="isMasked">Null as this end must; true or false to break the rule. RFC 6455, section 5.1.</param>
    public Task SendFrameAsync(WsRawFrame frame, bool? isMasked = null) => SendAsync(Prepare(frame, isMasked), int.MaxValue);

    /// <summary>Sends bytes as they are: half a frame, several frames, garbage.</summary>
    /// <param name="bytes">The bytes; see <see cref="Encode"/> for those of frames.</param>
    /// <param name="chunkBytes">How many go at a time. The other end looks at each chunk before the next is sent, where it is in this process.</param>
    public Task SendBytesAsync(ReadOnlyMemory<byte> bytes, int chunkBytes = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkBytes, 1);
        return SendAsync(() => bytes, chunkBytes);
    }

    /// <summary>The bytes of frames as this end sends them, for <see cref="SendBytesAsync"/>.</summary>
    public byte[] Encode(params IReadOnlyList<WsRawFrame> frames)
    {
        ArgumentNullException.ThrowIfNull(frames);
        return [.. frames.SelectMany(frame => WithKey(frame, null).ToBytes())];
    }

    /// <summary>Ends what this end sends without a close frame: the other end sees the transport's orderly end (a FIN) and may go on sending.</summary>
    public void Finish()
    {
        lock (_outputGate)
        {
            if (!_outputIsOver)
            {
                _outputIsOver = true;
                _transport.Finish();
            }
        }
    }

    private Func<ReadOnlyMemory<byte>> Prepare(WsRawFrame frame, bool? isMasked) => () =>
    {
        WsRawFrame sent = WithKey(frame, isMasked);
        _closeSent |= frame.Opcode == Opcode.Close;
        Log(sent, isSent: true);
        return sent.ToBytes();
    };

    private WsRawFrame WithKey(WsRawFrame frame, bool? isMasked)
    {
        // The keys are the same in every run, so that a failure can be repeated.
        uint key = frame.MaskingKey ?? (_nextKey = (_nextKey * 1664525) + 1013904223);
        return frame with { MaskingKey = isMasked ?? (_role == WsRole.Client || frame.Masked) ? key : null };
    }

    private async Task SendAsync(Func<ReadOnlyMemory<byte>> prepare, int chunkBytes)
    {
        if (!await _sending.WaitAsync(Patience))
        {
            throw Failure("to send", $"a send before this one still waits for the other end to read, after {_options.Patience}");
        }

        try
        {
            ReadOnlyMemory<byte> bytes = prepare();
            while (!bytes.IsEmpty)
            {
                int length = Math.Min(chunkBytes, bytes.Length);
                if (!await TryWriteAsync(bytes[..length]))
                {
                    return;
                }

                bytes = bytes[length..];
                if (chunkBytes != int.MaxValue)
                {
                    await _transport.WhenTakenAsync();
                }
            }
        }
        catch (TimeoutException)
        {
            throw Failure("to send", $"the other end did not read within {_options.Patience}");
        }
        finally
        {
            _sending.Release();
        }
    }

    private async ValueTask<bool> TryWriteAsync(ReadOnlyMemory<byte> bytes)
    {
        ValueTask<FlushResult> flush;
        lock (_outputGate)
        {
            if (_outputIsOver)
            {
                return false;
            }

            _transport.Output.Write(bytes.Span);
            flush = _transport.Output.FlushAsync();
        }

        try
        {
            FlushResult flushed = flush.IsCompletedSuccessfully ? flush.Result : await flush.AsTask().WaitAsync(Patience);
            return !flushed.IsCompleted;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException)
        {
            return false;
        }
    }
}
