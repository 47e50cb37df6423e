using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Security.Claims;
using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Tests.Support;

/// <summary>A client of a hub over in-memory pipes: sends masked text, and keeps every message it gets, in order.</summary>
internal sealed class HubPeer : IAsyncDisposable
{
    private readonly Pipe _toServer;
    private readonly Pipe _toClient;
    private readonly SemaphoreSlim _sending = new(1, 1);

    /// <summary>Held while a frame is written, and to end the pipe: one that ends between a writer's asking for room and its using it is no pipe's to bear.</summary>
    private readonly Lock _writing = new();
    private readonly Task _reading;
    private readonly List<string> _texts = [];
    private readonly List<(Func<List<string>, bool> Condition, TaskCompletionSource Met)> _awaited = [];
    private readonly MessageInflater? _inflater;
    private volatile TaskCompletionSource? _paused;

    internal HubPeer(Hub hub, string? userId = null, int windowBytes = 64 * 1024, DeflateParameters? compression = null, CancellationToken closeRequested = default)
    {
        _inflater = compression is { ServerNoContextTakeover: false } agreed ? new MessageInflater(agreed.ServerMaxWindowBits) : null;
        _toServer = new Pipe();
        _toClient = new Pipe(new PipeOptions(pauseWriterThreshold: windowBytes, resumeWriterThreshold: Math.Max(1, windowBytes / 2)));
        Served = hub.RunAsync(new AcceptedConnection(_ => AbortTransport())
        {
            Transport = new Duplex(_toServer.Reader, _toClient.Writer),
            Path = "/ws",
            Compression = compression,
            User = userId is null ? null : new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, userId)])),
            TransportClosed = CancellationToken.None,
            CloseRequested = closeRequested,
        });
        _reading = ReadAsync();
    }

    /// <summary>The hub's side; completes when the connection has ended there.</summary>
    internal Task Served { get; }

    /// <summary>The code of the close frame that came; 0 before.</summary>
    internal int CloseCode { get; private set; }

    /// <summary>How many messages came compressed.</summary>
    internal int Compressed { get; private set; }

    internal bool HasEnded => _reading.IsCompleted;

    internal List<string> Texts
    {
        get
        {
            lock (_texts)
            {
                return [.. _texts];
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Resume();
        AbortTransport();
        await Served.WaitAsync(TimeSpan.FromSeconds(30));
        await _reading.WaitAsync(TimeSpan.FromSeconds(30));
        _inflater?.Dispose();
    }

    internal async Task SendAsync(string text)
    {
        await _sending.WaitAsync();
        try
        {
            WriteFrame(text);
            await _toServer.Writer.FlushAsync();
        }
        catch (InvalidOperationException)
        {
            // The transport was aborted.
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Stops reading, like a peer whose receive window is full.</summary>
    internal void Pause() => _paused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    internal void Resume()
    {
        TaskCompletionSource? paused = _paused;
        _paused = null;
        paused?.TrySetResult();
    }

    /// <summary>Drops the transport without a goodbye.</summary>
    internal void AbortTransport()
    {
        CompleteWriter();
        _toClient.Reader.CancelPendingRead();
    }

    /// <summary>Waits until what was received meets a condition, or fails with what there is.</summary>
    internal async Task UntilAsync(Func<List<string>, bool> condition, string what)
    {
        var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_texts)
        {
            if (condition(_texts))
            {
                return;
            }

            _awaited.Add((condition, met));
        }

        try
        {
            await met.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{what} did not come; ended: {HasEnded}, close code: {CloseCode}, got {Texts.Count} messages, the last: {string.Join(" ", Texts.TakeLast(5))}");
        }
    }

    private void WriteFrame(string text)
    {
        byte[] payload = Encoding.UTF8.GetBytes(text);
        uint key = (uint)Random.Shared.Next();
        lock (_writing)
        {
            Span<byte> span = _toServer.Writer.GetSpan(FrameHeader.MaxLength + payload.Length);
            int header = FrameHeader.WriteMasked(span, Opcode.Text, payload.Length, key);
            Masking.Apply(payload, span[header..], key);
            _toServer.Writer.Advance(header + payload.Length);
        }
    }

    private void CompleteWriter()
    {
        lock (_writing)
        {
            _toServer.Writer.Complete();
        }
    }

    private async Task ReadAsync()
    {
        PipeReader reader = _toClient.Reader;
        while (true)
        {
            if (_paused is { } paused)
            {
                await paused.Task;
            }

            ReadResult result = await reader.ReadAsync();
            ReadOnlySequence<byte> buffer = result.Buffer;
            while (TryTake(ref buffer))
            {
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted || result.IsCanceled)
            {
                break;
            }
        }

        await reader.CompleteAsync();
        CompleteWriter();
    }

    private bool TryTake(ref ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[FrameHeader.MaxLength];
        int length = (int)Math.Min(start.Length, buffer.Length);
        buffer.Slice(0, length).CopyTo(start);
        if (!FrameHeader.TryRead(start[..length], out FrameHeader header) || buffer.Length < header.Length + (long)header.PayloadLength)
        {
            return false;
        }

        ReadOnlySequence<byte> payload = buffer.Slice(header.Length, (long)header.PayloadLength);
        buffer = buffer.Slice(payload.End);
        Assert.False(header.Masked);
        Assert.Equal(0, CloseCode);
        if (header.Opcode == Opcode.Close)
        {
            CloseCode = payload.Length >= 2 ? (payload.FirstSpan[0] << 8) | payload.FirstSpan[1] : 1005;
            CompleteWriter();
        }
        else if (header.Opcode == Opcode.Text)
        {
            Add(Encoding.UTF8.GetString(header.Rsv == 0 ? payload.ToArray() : Inflate(payload.ToArray())));
        }

        return true;
    }

    // Keeps its history where the server may keep its own.
    private byte[] Inflate(byte[] payload)
    {
        Compressed++;
        byte[] room = new byte[100_000];
        using MessageInflater? own = _inflater is null ? new MessageInflater() : null;
        MessageInflater inflater = _inflater ?? own!;
        Assert.Equal(InflateStatus.NeedsInput, inflater.Inflate(payload, room, out _, out int written));
        Assert.True(inflater.TryEndMessage());
        return room[..written];
    }

    private void Add(string text)
    {
        lock (_texts)
        {
            _texts.Add(text);
            for (int i = _awaited.Count - 1; i >= 0; i--)
            {
                if (_awaited[i].Condition(_texts))
                {
                    _awaited[i].Met.TrySetResult();
                    _awaited.RemoveAt(i);
                }
            }
        }
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
