using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Native;

namespace PipeWs.LoadTest.Servers;

/// <summary>
/// The floor: one thread that moves the bytes of frames and does nothing else a server should. It checks neither text nor limits, answers no ping, closes without a word, and knows
/// no room but one. What it costs is what the kernel and the frames cost; what a real server costs beyond is its own.
/// </summary>
internal sealed class FloorServer : IDisposable
{
    private const int ListenerId = -1;
    private const int WaitMilliseconds = 100;

    private readonly EventPoll _poll = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<FloorConnection?> _connections = [];
    private readonly Stack<int> _free = [];
    private readonly List<FloorConnection> _room = [];
    private readonly byte[] _received = GC.AllocateUninitializedArray<byte>(FloorConnection.ReadBytes, pinned: true);
    private readonly byte[] _answer = GC.AllocateUninitializedArray<byte>(FloorConnection.ReadBytes, pinned: true);
    private volatile bool _isStopping;

    /// <summary>Begins to listen on 127.0.0.1.</summary>
    public FloorServer(int port)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(1024);
        _listener.Blocking = false;
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _poll.Add((int)_listener.Handle, ListenerId, writable: false);
    }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Ends <see cref="Run"/> soon. From any thread.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>Serves on the calling thread.</summary>
    public void Run()
    {
        while (!_isStopping)
        {
            int events = _poll.Wait(WaitMilliseconds);
            for (int i = 0; i < events; i++)
            {
                (int id, bool readable, bool writable) = _poll.GetEvent(i);
                if (id == ListenerId)
                {
                    Accept();
                }
                else if (_connections[id] is { } connection && !Serve(connection, readable, writable))
                {
                    Drop(connection);
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (FloorConnection? connection in _connections)
        {
            connection?.Dispose();
        }

        _listener.Dispose();
        _poll.Dispose();
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _listener.Accept();
            }
            catch (SocketException)
            {
                return;
            }

            socket.NoDelay = true;
            socket.Blocking = false;
            if (!_free.TryPop(out int id))
            {
                id = _connections.Count;
                _connections.Add(null);
            }

            var connection = new FloorConnection(socket, id);
            _connections[id] = connection;
            _poll.Add(connection.Descriptor, id, writable: false);
        }
    }

    private bool Serve(FloorConnection connection, bool readable, bool writable)
    {
        if (writable && !Send(connection, default))
        {
            return false;
        }

        if (!readable)
        {
            return true;
        }

        int kept = connection.TakeKept(_received);
        nint count = Libc.Receive(connection.Descriptor, _received.AsSpan(kept));
        if (count <= 0)
        {
            return count < 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() == Libc.ErrorAgain && connection.Keep(_received.AsSpan(0, kept));
        }

        Span<byte> bytes = _received.AsSpan(0, kept + (int)count);
        if (!connection.IsOpen)
        {
            int answer = connection.TryOpen(bytes, _answer, out int used);
            if (answer < 0 || (answer > 0 && !Send(connection, _answer.AsSpan(0, answer))))
            {
                return false;
            }

            bytes = bytes[used..];
            if (connection.IsInRoom)
            {
                _room.Add(connection);
            }

            if (!connection.IsOpen)
            {
                return connection.Keep(bytes);
            }
        }

        int length = FloorConnection.Move(ref bytes, _answer);
        if (length < 0 || !connection.Keep(bytes))
        {
            return false;
        }

        if (length == 0)
        {
            return true;
        }

        if (!connection.IsInRoom)
        {
            return Send(connection, _answer.AsSpan(0, length));
        }

        for (int i = _room.Count - 1; i >= 0; i--)
        {
            FloorConnection member = _room[i];
            if (!Send(member, _answer.AsSpan(0, length)) && member != connection)
            {
                Drop(member);
            }
        }

        return true;
    }

    private bool Send(FloorConnection connection, ReadOnlySpan<byte> bytes)
    {
        bool wasHeldUp = connection.IsHeldUp;
        if (!connection.Send(bytes))
        {
            return false;
        }

        if (connection.IsHeldUp != wasHeldUp)
        {
            _poll.SetWritable(connection.Descriptor, connection.Id, connection.IsHeldUp);
        }

        return true;
    }

    private void Drop(FloorConnection connection)
    {
        if (connection.IsInRoom)
        {
            _room.Remove(connection);
        }

        _connections[connection.Id] = null;
        _free.Push(connection.Id);
        connection.Dispose();
    }
}
