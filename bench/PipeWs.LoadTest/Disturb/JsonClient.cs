using System.Net.Sockets;
using System.Text;
using PipeWs.LoadTest.Load;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Disturb;

/// <summary>A connection to the hub that speaks JSON, over a socket that is read and written by one thread.</summary>
internal sealed class JsonClient : IFrameSink, IDisposable
{
    private const int MaxMessageBytes = 1 << 20;

    private readonly Socket _socket;
    private readonly FrameReader _reader;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly byte[] _request;
    private int _unsentFrom;

    /// <param name="url">ws://host:port/path.</param>
    /// <param name="action">What every request of it asks for.</param>
    public JsonClient(Uri url, string action)
    {
        byte[] payload = Encoding.UTF8.GetBytes($$"""{"id":"1","action":"{{action}}","data":"{{new string('x', 64)}}"}""");
        _request = new byte[FrameHeader.MaxLength + payload.Length];
        int header = FrameHeader.WriteMasked(_request, Opcode.Text, payload.Length, 0x11223344);
        Masking.Apply(payload, _request.AsSpan(header), 0x11223344);
        _request = _request[..(header + payload.Length)];
        _reader = new FrameReader(this, MaxMessageBytes);
        _socket = ClientHandshake.Connect(url, out byte[] early);
        _reader.Read(early);
    }

    /// <summary>Messages that came, the welcome included.</summary>
    public long Received { get; private set; }

    /// <summary>Whether the server ended it.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Sends a request and waits until a message came for it.</summary>
    public void Ask()
    {
        long before = Received;
        _socket.Send(_request);
        while (Received == before && !IsClosed)
        {
            Take(_socket.Receive(_buffer));
        }
    }

    /// <summary>Waits for a number of messages.</summary>
    public void WaitFor(long messages)
    {
        while (Received < messages && !IsClosed)
        {
            Take(_socket.Receive(_buffer));
        }
    }

    /// <summary>Sends a request if the socket takes it, and reads what there is, without waiting for either.</summary>
    public void Push()
    {
        _socket.Blocking = false;
        if (!IsClosed)
        {
            int sent = _socket.Send(_request.AsSpan(_unsentFrom), SocketFlags.None, out SocketError error);
            _unsentFrom = error == SocketError.Success ? (_unsentFrom + sent) % _request.Length : _unsentFrom;
        }

        while (!IsClosed)
        {
            int received = _socket.Receive(_buffer, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                return;
            }

            Take(error == SocketError.Success ? received : 0);
        }
    }

    public void Dispose() => _socket.Dispose();

    void IFrameSink.OnMessage(Opcode type, ReadOnlySpan<byte> payload) => Received++;

    void IFrameSink.OnControl(Opcode opcode, ReadOnlySpan<byte> payload) => IsClosed |= opcode == Opcode.Close;

    private void Take(int received)
    {
        if (received == 0)
        {
            IsClosed = true;
            return;
        }

        _reader.Read(_buffer.AsSpan(0, received));
    }
}
