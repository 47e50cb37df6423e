using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace PipeWs.Shared;

/// <summary>
/// The other end of a connection, which writes whatever bytes a test gives it and parses what comes back. One test writes and one reads at a time.
/// </summary>
internal sealed class RawPeer(IDuplexPipe transport, bool masks)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Lock _reading = new();
    private bool _endedReading;
    private byte[] _received = new byte[256];
    private int _start;
    private int _end;
    private uint _nextKey = 0x37FA213D;

    public bool Masks => masks;

    public PipeReader Input => transport.Input;

    public PipeWriter Output => transport.Output;

    /// <summary>Bytes as they are written in the RFC: hexadecimal, with or without blanks.</summary>
    public static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, int chunkBytes = int.MaxValue)
    {
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(chunkBytes, bytes.Length);
            FlushResult flushed = await Output.WriteAsync(bytes[..length]).AsTask().WaitAsync(s_patience);
            if (flushed.IsCompleted)
            {
                return;
            }

            bytes = bytes[length..];
        }
    }

    /// <summary>A frame as this peer's role sends it: with a key of its own, or none.</summary>
    public byte[] Encode(int opcode, ReadOnlySpan<byte> payload, bool fin = true) =>
        RawFrame.Encode(opcode, payload, fin, masks ? _nextKey = (_nextKey * 1664525) + 1013904223 : null);

    public Task SendFrameAsync(int opcode, ReadOnlyMemory<byte> payload, bool fin = true) => SendAsync(Encode(opcode, payload.Span, fin));

    public Task SendTextAsync(string text) => SendFrameAsync(RawFrame.Text, Encoding.UTF8.GetBytes(text));

    public Task SendCloseAsync(int code, string reason = "") => SendFrameAsync(RawFrame.Close, RawFrame.ClosePayload(code, reason));

    /// <summary>Ends what this side sends: the transport's FIN.</summary>
    public void Finish(Exception? error = null) => Output.Complete(error);

    /// <summary>Takes nothing more, which the other end learns. By any thread, also while another reads: what a pipe lends must not go back to it before it is copied.</summary>
    public void FinishReading()
    {
        lock (_reading)
        {
            _endedReading = true;
            Input.Complete();
        }
    }

    /// <summary>The next frame; null at the transport's end.</summary>
    /// <exception cref="InvalidDataException">The transport ended inside a frame, or the frame is not what the connection's role sends.</exception>
    public async Task<RawFrame?> TryReadFrameAsync()
    {
        while (true)
        {
            if (RawFrame.TryRead(_received.AsSpan(_start, _end - _start), out int used) is { } frame)
            {
                _start += used;
                if (frame.MaskingKey is null != masks)
                {
                    throw new InvalidDataException("A client masks every frame, and a server none.");
                }

                return frame;
            }

            if (!await TryReceiveAsync())
            {
                return _start == _end ? null : throw new InvalidDataException($"The transport ended inside a frame: {Convert.ToHexString(_received.AsSpan(_start, _end - _start))}");
            }
        }
    }

    public async Task<RawFrame> ReadFrameAsync() =>
        await TryReadFrameAsync() ?? throw new InvalidDataException("The transport ended where a frame was expected.");

    /// <summary>All frames until the transport's end.</summary>
    public async Task<List<RawFrame>> ReadToEndAsync()
    {
        var frames = new List<RawFrame>();
        while (await TryReadFrameAsync() is { } frame)
        {
            frames.Add(frame);
        }

        return frames;
    }

    /// <summary>The next message, put together from its fragments; control frames in between are given to <paramref name="onControl"/>.</summary>
    public async Task<(int Opcode, byte[] Payload)> ReadMessageAsync(Action<RawFrame>? onControl = null)
    {
        var payload = new List<byte>();
        int opcode = -1;
        while (true)
        {
            RawFrame frame = await ReadFrameAsync();
            if (frame.Opcode >= RawFrame.Close)
            {
                (onControl ?? throw new InvalidDataException($"Opcode {frame.Opcode} where a message was expected: {frame.CloseCode} {frame.CloseReason}"))(frame);
                continue;
            }

            if (frame.Opcode == RawFrame.Continuation == (opcode < 0))
            {
                throw new InvalidDataException("The fragments of one message were interleaved with another's.");
            }

            opcode = opcode < 0 ? frame.Opcode : opcode;
            payload.AddRange(frame.Payload);
            if (frame.Fin)
            {
                return (opcode, payload.ToArray());
            }
        }
    }

    private async Task<bool> TryReceiveAsync()
    {
        ReadResult result;
        try
        {
            result = await Input.ReadAsync().AsTask().WaitAsync(s_patience);
        }
        catch (Exception e) when (e is not TimeoutException)
        {
            return false;
        }

        lock (_reading)
        {
            if (_endedReading)
            {
                return false;
            }

            int length = (int)result.Buffer.Length;
            if (_received.Length - _end < length)
            {
                var larger = new byte[Math.Max(2 * (_end - _start), _end - _start + length)];
                _received.AsSpan(_start, _end - _start).CopyTo(larger);
                _received = larger;
                _end -= _start;
                _start = 0;
            }

            result.Buffer.CopyTo(_received.AsSpan(_end));
            _end += length;
            Input.AdvanceTo(result.Buffer.End);
            return length > 0 || !result.IsCompleted;
        }
    }
}
