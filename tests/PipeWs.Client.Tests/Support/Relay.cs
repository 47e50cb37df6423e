using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PipeWs.Client.Tests.Support;

/// <summary>Stands before a server on a port that stays, and can be killed and restarted as the server itself would be seen to be: listener gone, every connection reset.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly int _target;
    private readonly Lock _lock = new();
    private readonly HashSet<Socket> _sockets = [];
    private readonly ConcurrentBag<Task> _tasks = [];
    private TcpListener? _listener;

    public Relay(int target)
    {
        _target = target;
        Start();
    }

    public int Port { get; private set; }

    /// <summary>How many connections came.</summary>
    public int Accepted { get; private set; }

    public void Start()
    {
        var listener = new TcpListener(IPAddress.Loopback, Port);
        listener.Start(512);
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        lock (_lock)
        {
            _listener = listener;
        }

        _tasks.Add(Task.Run(() => AcceptAsync(listener)));
    }

    public void Kill()
    {
        Socket[] sockets;
        lock (_lock)
        {
            _listener?.Stop();
            _listener = null;
            sockets = [.. _sockets];
            _sockets.Clear();
        }

        foreach (Socket socket in sockets)
        {
            try
            {
                socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                // Its other end was reset a moment ago, and whoever relays it has seen it.
            }

            socket.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await Task.WhenAll(_tasks).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (true)
        {
            try
            {
                Socket client = await listener.AcceptSocketAsync();
                var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                client.NoDelay = true;
                lock (_lock)
                {
                    if (_listener != listener)
                    {
                        client.Dispose();
                        server.Dispose();
                        return;
                    }

                    Accepted++;
                    _sockets.Add(client);
                    _sockets.Add(server);
                }

                _tasks.Add(RelayAsync(client, server));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task RelayAsync(Socket client, Socket server)
    {
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _target);
            await Task.WhenAll(CopyAsync(client, server), CopyAsync(server, client));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Killed, or one end went away.
        }
        finally
        {
            lock (_lock)
            {
                _sockets.Remove(client);
                _sockets.Remove(server);
            }

            client.Dispose();
            server.Dispose();
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and int length)
            {
                for (int sent = 0; sent < length;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, length - sent));
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The other direction must end too.
            from.Dispose();
            to.Dispose();
        }
    }
}
