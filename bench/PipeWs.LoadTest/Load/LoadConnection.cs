using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using PipeWs.LoadTest.Native;
using PipeWs.LoadTest.SignalR;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// One client connection: a socket, its reader and what could not be sent at once. One thread reads it; where others write as well, they hold <see cref="Gate"/>.
/// </summary>
internal sealed class LoadConnection : IFrameSink, IHubRecordSink, IDisposable
{
    private const int EnvelopeBytes = 4096;

    private readonly Socket _socket;
    private readonly FrameReader _reader;
    private readonly HubRecordReader? _records;
    private Workload? _workload;
    private EventPoll? _poll;
    private byte[] _output = [];
    private int _outputStart;
    private int _outputEnd;
    private bool _awaitsWritable;
    private bool _hubReady;
    private bool _closeSent;

    private LoadConnection(Socket socket, int index, LoadOptions options)
    {
        _socket = socket;
        Index = index;
        Descriptor = (int)socket.Handle;
        int maxMessageBytes = options.PayloadBytes + EnvelopeBytes;
        _reader = new FrameReader(this, options.Protocol == LoadProtocol.SignalR ? Math.Max(maxMessageBytes, 1 << 20) : maxMessageBytes);
        _records = options.Protocol == LoadProtocol.SignalR ? new HubRecordReader(this, maxMessageBytes) : null;
        NextExpected = options.Mode == LoadMode.FanOut ? new long[options.Publishers] : new long[1];
    }

    /// <summary>The connection's number in its load, from 0.</summary>
    public int Index { get; }

    /// <summary>The socket's file descriptor.</summary>
    public int Descriptor { get; }

    /// <summary>Held by those who write to a connection that several threads write to.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The sequence number that comes next; per publisher in fan-out.</summary>
    public long[] NextExpected { get; }

    /// <summary>Echo: the sequence number of the next message to send.</summary>
    public long NextToSend { get; set; }

    /// <summary>Whether a probe has reached it.</summary>
    public bool Probed { get; set; }

    /// <summary>Whether the connection is over, whoever ended it.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Opens a connection, up to and with SignalR's handshake where that is spoken.</summary>
    public static LoadConnection Open(LoadOptions options, int index)
    {
        Socket socket = ClientHandshake.Connect(options.Url, out byte[] early);
        var connection = new LoadConnection(socket, index, options);
        try
        {
            connection._reader.Read(early);
            if (connection._records is not null)
            {
                connection.OpenHub();
            }
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        return connection;
    }

    /// <summary>Hands the connection to the thread that reads it from now on.</summary>
    public void Attach(Workload workload, EventPoll poll, int id)
    {
        _workload = workload;
        _poll = poll;
        PollId = id;
        poll.Add(Descriptor, id, writable: false);
    }

    private int PollId { get; set; }

    /// <summary>Takes received bytes.</summary>
    public void Receive(ReadOnlySpan<byte> bytes) => _reader.Read(bytes);

    /// <summary>Appends one message to what the next <see cref="Flush"/> sends.</summary>
    public void Append(MessageTemplate template, in LoadStamp stamp)
    {
        Span<byte> free = Reserve(template.FrameLength);
        _outputEnd += template.WriteFrame(free, stamp);
    }

    /// <summary>Appends a masked frame.</summary>
    public void AppendFrame(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        const uint Key = 0x5A17C3E9;
        Span<byte> free = Reserve(FrameHeader.MaxLength + payload.Length);
        int header = FrameHeader.WriteMasked(free, opcode, payload.Length, Key);
        MessageTemplate.MaskTo(free[header..], payload, Key);
        _outputEnd += header + payload.Length;
    }

    /// <summary>Sends what was appended, in one system call; what the kernel does not take follows when it is writable again.</summary>
    public void Flush()
    {
        if (_outputStart == _outputEnd || IsClosed)
        {
            return;
        }

        nint sent = Libc.Send(Descriptor, _output.AsSpan(_outputStart.._outputEnd));
        if (sent < 0 && Marshal.GetLastPInvokeError() is not (Libc.ErrorAgain or Libc.ErrorInterrupted))
        {
            // The reading side finds out and tells.
            _outputStart = _outputEnd = 0;
            return;
        }

        _outputStart += Math.Max(0, (int)sent);
        bool left = _outputStart < _outputEnd;
        if (!left)
        {
            _outputStart = _outputEnd = 0;
        }

        if (left != _awaitsWritable)
        {
            _awaitsWritable = left;
            _poll?.SetWritable(Descriptor, PollId, left);
        }
    }

    /// <summary>Begins the closing handshake.</summary>
    public void BeginClose()
    {
        if (!_closeSent && !IsClosed)
        {
            _closeSent = true;
            AppendFrame(Opcode.Close, [CloseCode.NormalClosure >> 8, CloseCode.NormalClosure & 0xFF]);
            Flush();
        }
    }

    public void OnMessage(Opcode type, ReadOnlySpan<byte> payload)
    {
        if (_records is not null)
        {
            _records.Read(payload);
        }
        else
        {
            _workload?.OnMessage(this, type, payload);
        }
    }

    public void OnRecord(ReadOnlySpan<byte> record)
    {
        if (!_hubReady)
        {
            _hubReady = record.SequenceEqual(HubMessages.HandshakeAccepted)
                ? true
                : throw new ProtocolViolationException("The hub refused the handshake of SignalR's JSON protocol.");
        }
        else if (HubMessages.TryReadArgument(record, out ReadOnlySpan<byte> argument))
        {
            _workload?.OnMessage(this, Opcode.Text, argument);
        }
        else if (!HubMessages.IsPing(record))
        {
            _workload?.OnForeignMessage();
        }
    }

    public void OnControl(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        lock (Gate)
        {
            if (opcode == Opcode.Ping)
            {
                AppendFrame(Opcode.Pong, payload);
                Flush();
            }
            else if (opcode == Opcode.Close && !_closeSent)
            {
                _closeSent = true;
                _workload?.OnClosedByServer(payload);
                AppendFrame(Opcode.Close, payload);
                Flush();
            }
        }
    }

    /// <summary>Notes that the peer has ended its side; tells the workload where nobody had begun to close.</summary>
    public void OnEnd()
    {
        if (!_closeSent && !IsClosed)
        {
            _workload?.OnClosedByServer([]);
        }

        Dispose();
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (!IsClosed)
            {
                IsClosed = true;
                _socket.Dispose();
            }
        }
    }

    private void OpenHub()
    {
        AppendFrame(Opcode.Text, HubMessages.Handshake);
        Flush();
        byte[] buffer = new byte[4096];
        while (!_hubReady)
        {
            int received = _socket.Receive(buffer);
            if (received == 0)
            {
                throw new ProtocolViolationException("The hub closed the connection during SignalR's handshake.");
            }

            _reader.Read(buffer.AsSpan(0, received));
        }
    }

    private Span<byte> Reserve(int length)
    {
        if (_output.Length - _outputEnd < length)
        {
            int pending = _outputEnd - _outputStart;
            byte[] target = pending + length <= _output.Length ? _output : new byte[Math.Max(256, (pending + length) * 2)];
            _output.AsSpan(_outputStart, pending).CopyTo(target);
            _output = target;
            _outputStart = 0;
            _outputEnd = pending;
        }

        return _output.AsSpan(_outputEnd);
    }
}
