using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Support;

/// <summary>
/// A server that does what a test's script says, connection by connection, written without the library's own code. Listens on loopback, or hands pipes in memory to
/// <see cref="Transports"/>.
/// </summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly Func<ServerPeer, Task> _script;
    private readonly TcpListener? _listener;
    private readonly CancellationTokenSource _stopped = new();
    private readonly ConcurrentBag<Task> _scripts = [];
    private int _accepted;

    private ScriptedServer(Func<ServerPeer, Task> script, bool inMemory)
    {
        _script = script;
        if (inMemory)
        {
            Uri = new Uri("ws://memory.test/ws");
            Transports = new MemoryTransports(this);
            return;
        }

        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start(512);
        Uri = new Uri($"ws://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/ws");
        _ = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public Uri Uri { get; }

    /// <summary>Connects to it in memory; null where it listens.</summary>
    public IWsTransportFactory? Transports { get; }

    /// <summary>How many connections came.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>What scripts threw that no test meant.</summary>
    public ConcurrentQueue<Exception> Failures { get; } = new();

    /// <summary>A server on loopback.</summary>
    public static ScriptedServer Listen(Func<ServerPeer, Task> script) => new(script, inMemory: false);

    /// <summary>A server in memory.</summary>
    public static ScriptedServer InMemory(Func<ServerPeer, Task> script) => new(script, inMemory: true);

    public WsClientOptions Options(Action<WsClientOptions>? configure = null)
    {
        var options = new WsClientOptions { Endpoints = { Uri }, TransportFactory = Transports };
        configure?.Invoke(options);
        return options;
    }

    public WsClient CreateClient(Action<WsClientOptions>? configure = null) => new(Options(configure));

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        _listener?.Stop();
        await Task.WhenAll(_scripts).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener!.AcceptSocketAsync(_stopped.Token);
            }
            catch (Exception)
            {
                return;
            }

            socket.NoDelay = true;
            var stream = new NetworkStream(socket, ownsSocket: true);
            var pipe = new DuplexPipePair.End(
                PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true)), PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)));
            Run(pipe, (_, reset) =>
            {
                if (reset)
                {
                    socket.LingerState = new LingerOption(true, 0);
                }

                stream.Dispose();
            });
        }
    }

    private void Run(IDuplexPipe pipe, Action<RawPeer, bool> drop)
    {
        var peer = new ServerPeer(pipe, drop, Interlocked.Increment(ref _accepted), _stopped.Token);
        _scripts.Add(Task.Run(async () =>
        {
            try
            {
                await _script(peer);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                // The other end went away in the middle of the script, which is what many tests are about.
            }
            catch (Exception e)
            {
                Failures.Enqueue(e);
            }
            finally
            {
                peer.Drop();
            }
        }));
    }

    private sealed class MemoryTransports(ScriptedServer server) : IWsTransportFactory
    {
        public ValueTask<WsTransport> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (server._stopped.IsCancellationRequested)
            {
                throw new IOException("The server in memory was stopped.");
            }

            DuplexPipePair pair = DuplexPipePair.Create();
            IDuplexPipe client = pair.Connection;
            IDuplexPipe peer = pair.Peer;
            server.Run(peer, static (frames, _) =>
            {
                frames.Finish();
                frames.FinishReading();
            });
            return ValueTask.FromResult(new WsTransport(client, () =>
            {
                peer.Input.CancelPendingRead();
            }));
        }
    }
}

/// <summary>The server's end of one connection.</summary>
internal sealed class ServerPeer
{
    private readonly IDuplexPipe _transport;
    private readonly Action<RawPeer, bool> _drop;
    private int _dropped;

    public ServerPeer(IDuplexPipe transport, Action<RawPeer, bool> drop, int number, CancellationToken stopped)
    {
        _transport = transport;
        _drop = drop;
        Number = number;
        Stopped = stopped;
        Frames = new RawPeer(transport, masks: false);
        stopped.Register(Drop);
    }

    /// <summary>Which connection of the server it is, from 1.</summary>
    public int Number { get; }

    public CancellationToken Stopped { get; }

    /// <summary>Frames in and out, once the handshake is done.</summary>
    public RawPeer Frames { get; }

    /// <summary>The request line and headers, as they came.</summary>
    public string Request { get; private set; } = "";

    public string Target => Request.Split(' ')[1];

    public string? Header(string name) => Request.Split("\r\n").Skip(1).Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
        .Select(line => line[(name.Length + 1)..].Trim()).FirstOrDefault();

    /// <summary>Reads the request and answers it with a 101.</summary>
    public async Task AcceptAsync(string extraHeaders = "")
    {
        await ReadRequestAsync();
        await WriteAsync(Answer(extraHeaders));
    }

    /// <summary>The 101 for the request that was read.</summary>
    public string Answer(string extraHeaders = "")
    {
#pragma warning disable CA5350 // The handshake is defined with SHA-1 (RFC 6455, section 4.2.2); it guards nothing.
        string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(Header("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        return $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{extraHeaders}\r\n";
    }

    public async Task ReadRequestAsync()
    {
        while (true)
        {
            ReadResult result = await _transport.Input.ReadAsync(Stopped);
            string text = Encoding.Latin1.GetString(result.Buffer);
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                Request = text[..end];
                _transport.Input.AdvanceTo(result.Buffer.GetPosition(end + 4));
                return;
            }

            _transport.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted || result.IsCanceled)
            {
                throw new IOException("The client went away in the middle of its request.");
            }
        }
    }

    public Task WriteAsync(string text) => Frames.SendAsync(Encoding.Latin1.GetBytes(text));

    public Task SendTextAsync(string text) => Frames.SendTextAsync(text);

    /// <summary>Reads and answers, as a good server does, until the client closes or goes away; gives every message to the callback.</summary>
    public async Task<RawFrame?> ServeAsync(Func<string, Task>? onText = null)
    {
        while (await Frames.TryReadFrameAsync() is { } frame)
        {
            switch (frame.Opcode)
            {
                case RawFrame.Close:
                    await Frames.SendFrameAsync(RawFrame.Close, frame.Payload);
                    return frame;
                case RawFrame.Ping:
                    await Frames.SendFrameAsync(RawFrame.Pong, frame.Payload);
                    break;
                case RawFrame.Text or RawFrame.Binary when onText is not null:
                    await onText(frame.PayloadText);
                    break;
            }
        }

        return null;
    }

    /// <summary>Closes as a server does that means it: sends a close frame, awaits the answer, ends the transport.</summary>
    public async Task CloseAsync(int code, string reason = "")
    {
        await Frames.SendCloseAsync(code, reason);
        while (await Frames.TryReadFrameAsync() is { } frame && frame.Opcode != RawFrame.Close)
        {
        }

        Drop();
    }

    /// <summary>Ends the transport.</summary>
    public void Drop() => Drop(reset: false);

    /// <summary>Ends the transport by a reset.</summary>
    public void Reset() => Drop(reset: true);

    private void Drop(bool reset)
    {
        if (Interlocked.Exchange(ref _dropped, 1) == 0)
        {
            _drop(Frames, reset);
        }
    }
}
