using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace PipeWs.Testing;

/// <summary>
/// A server that does what a test says, byte for byte: for tests of clients. It takes connections in memory (<see cref="Dial"/>) or on a loopback port (<see cref="Listen"/>), and the test
/// accepts each, answers its handshake rightly or wrongly, sends frames, stalls, drops. Every member is safe from any thread.
/// </summary>
public sealed class WsScriptedServer : IAsyncDisposable
{
    private readonly Channel<WsScriptedConnection> _dialled = Channel.CreateUnbounded<WsScriptedConnection>();
    private readonly Lock _gate = new();
    private readonly List<WsScriptedConnection> _connections = [];
    private TcpListener? _listener;
    private int _port;

    /// <summary>Creates a server that nobody can reach but through <see cref="Dial"/>.</summary>
    public WsScriptedServer()
    {
    }

    /// <summary>How long an accept or a read waits, in real time, before it fails. Default 10 s.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The window of connections in memory, in bytes. Default 65,536.</summary>
    public int WindowBytes { get; set; } = 64 * 1024;

    /// <summary>The address of the loopback port, as <c>ws://127.0.0.1:port/</c>.</summary>
    /// <exception cref="InvalidOperationException">It does not listen.</exception>
    public Uri Uri => _port == 0 ? throw new InvalidOperationException("The server does not listen: see Listen.") : new Uri($"ws://127.0.0.1:{_port}/");

    /// <summary>All connections so far, accepted or not, in the order in which they came.</summary>
    public IReadOnlyList<WsScriptedConnection> Connections
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections];
            }
        }
    }

    /// <summary>
    /// Listens on a loopback port: one of its own the first time, the same again after <see cref="StopListening"/>.
    /// </summary>
    public void Listen()
    {
        lock (_gate)
        {
            if (_listener is not null)
            {
                return;
            }

            _listener = new TcpListener(IPAddress.Loopback, _port);
            _listener.Start();
            _port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _ = TakeAllAsync(_listener);
        }
    }

    /// <summary>Stops listening: dials are refused by the system. Connections that are there stay.</summary>
    public void StopListening()
    {
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
        }
    }

    /// <summary>Dials in memory.</summary>
    /// <returns>The client's end.</returns>
    public IDuplexPipe Dial()
    {
        var options = new PipeOptions(pauseWriterThreshold: WindowBytes, resumeWriterThreshold: Math.Max(1, WindowBytes / 2), useSynchronizationContext: false);
        var toServer = new Pipe(options);
        var toClient = new Pipe(options);
        Add(new WsScriptedConnection(this, new PlainTransport(new Pair(toServer.Reader, toClient.Writer))));
        return new Pair(toClient.Reader, toServer.Writer);
    }

    /// <summary>Takes the next connection, before a byte of it was read: for what stalls or drops before the handshake.</summary>
    /// <exception cref="WsAssertionException">None came in time.</exception>
    public async Task<WsScriptedConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            return await _dialled.Reader.ReadAsync(patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new WsAssertionException($"No connection came within {Patience}; {Connections.Count} came before.");
        }
    }

    /// <summary>Takes the next connection and reads its request, of whatever kind: a handshake, or the question for a token.</summary>
    /// <exception cref="WsAssertionException">None came in time, or it was not HTTP.</exception>
    public async Task<WsScriptedConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        WsScriptedConnection connection = await AcceptConnectionAsync(cancellationToken);
        await connection.ReadRequestAsync(cancellationToken);
        return connection;
    }

    /// <summary>Takes the next connection, answers its handshake as a server should, and gives the server's end of the WebSocket.</summary>
    /// <param name="options">What the peer does by itself; null for the defaults.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="WsAssertionException">None came in time, or what came was no handshake.</exception>
    public async Task<WsTestPeer> AcceptPeerAsync(WsTestPeerOptions? options = null, CancellationToken cancellationToken = default)
    {
        WsScriptedConnection connection = await AcceptAsync(cancellationToken);
        return await connection.AcceptHandshakeAsync(peer: options);
    }

    /// <summary>Stops listening and drops every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        StopListening();
        foreach (WsScriptedConnection connection in Connections)
        {
            await connection.DisposeAsync();
        }
    }

    private async Task TakeAllAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptSocketAsync().ConfigureAwait(false);
                socket.NoDelay = true;
                Add(new WsScriptedConnection(this, new SocketTransport(socket)));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // It no longer listens.
        }
    }

    private void Add(WsScriptedConnection connection)
    {
        lock (_gate)
        {
            _connections.Add(connection);
            _dialled.Writer.TryWrite(connection);
        }
    }

    private sealed class Pair(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
