using System.Net.Sockets;
using System.Runtime.InteropServices;
using PipeWs.LoadTest.Native;
using PipeWs.Protocol.Framing;
using PipeWs.Protocol.Handshake;

namespace PipeWs.LoadTest.Servers;

/// <summary>A connection of the floor server: what was received of an unfinished frame, and what the kernel has not taken yet.</summary>
internal sealed class FloorConnection(Socket socket, int id) : IDisposable
{
    /// <summary>What is read at most at a time, with what was kept, in bytes: a frame must fit.</summary>
    public const int ReadBytes = 2 * 1024 * 1024;

    private static readonly byte[] s_room = "GET /bcast"u8.ToArray();

    private byte[] _kept = [];
    private int _keptLength;
    private byte[] _unsent = [];
    private int _unsentLength;

    /// <summary>Its number at the server.</summary>
    public int Id => id;

    /// <summary>The socket's own number.</summary>
    public int Descriptor { get; } = (int)socket.Handle;

    /// <summary>Whether the handshake is done.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether it gets what every other in the room sends; it gets its own back otherwise.</summary>
    public bool IsInRoom { get; private set; }

    /// <summary>Whether bytes wait for the kernel.</summary>
    public bool IsHeldUp => _unsentLength > 0;

    /// <summary>Puts what was kept at the start of a buffer.</summary>
    /// <returns>How many bytes it was.</returns>
    public int TakeKept(Span<byte> destination)
    {
        int length = _keptLength;
        _kept.AsSpan(0, length).CopyTo(destination);
        _keptLength = 0;
        return length;
    }

    /// <summary>Keeps bytes for the next read.</summary>
    /// <returns><see langword="false"/> where they are too many.</returns>
    public bool Keep(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= ReadBytes)
        {
            return false;
        }

        if (_kept.Length < bytes.Length)
        {
            _kept = new byte[bytes.Length * 2];
        }

        bytes.CopyTo(_kept);
        _keptLength = bytes.Length;
        return true;
    }

    /// <summary>Answers the handshake, once it is whole.</summary>
    /// <returns>The answer's length; 0 while the request is not whole, -1 where it is none.</returns>
    public int TryOpen(ReadOnlySpan<byte> bytes, Span<byte> answer, out int used)
    {
        used = 0;
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return 0;
        }

        ReadOnlySpan<byte> head = bytes[..end];
        int key = head.IndexOf("\r\nSec-WebSocket-Key: "u8);
        if (key < 0)
        {
            return -1;
        }

        used = end + 4;
        IsOpen = true;
        IsInRoom = head.StartsWith(s_room);
        ReadOnlySpan<byte> start = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "u8;
        start.CopyTo(answer);
        WebSocketAccept.Write(head.Slice(key + 21, 24), answer[start.Length..]);
        "\r\n\r\n"u8.CopyTo(answer[(start.Length + WebSocketAccept.Length)..]);
        return start.Length + WebSocketAccept.Length + 4;
    }

    /// <summary>Turns a client's frames into a server's, as many as are whole.</summary>
    /// <returns>The bytes they are now; -1 where the peer ends the connection.</returns>
    public static int Move(ref Span<byte> bytes, Span<byte> destination)
    {
        int length = 0;
        while (FrameHeader.TryRead(bytes, out FrameHeader header))
        {
            if (header.Opcode == Opcode.Close || header.PayloadLength > ReadBytes / 2)
            {
                return -1;
            }

            int payload = (int)header.PayloadLength;
            if (bytes.Length < header.Length + payload)
            {
                break;
            }

            length += FrameHeader.Write(destination[length..], header.Opcode, payload, header.Fin);
            Masking.Apply(bytes.Slice(header.Length, payload), destination.Slice(length, payload), header.MaskingKey);
            length += payload;
            bytes = bytes[(header.Length + payload)..];
        }

        return length;
    }

    /// <summary>Sends bytes after those that wait; what the kernel does not take waits.</summary>
    /// <returns><see langword="false"/> where the connection is broken.</returns>
    public bool Send(ReadOnlySpan<byte> bytes)
    {
        if (_unsentLength > 0)
        {
            Add(bytes);
            nint sent = Libc.Send(Descriptor, _unsent.AsSpan(0, _unsentLength));
            if (sent < 0)
            {
                return Marshal.GetLastPInvokeError() == Libc.ErrorAgain;
            }

            _unsent.AsSpan((int)sent, _unsentLength - (int)sent).CopyTo(_unsent);
            _unsentLength -= (int)sent;
            return true;
        }

        nint count = bytes.IsEmpty ? 0 : Libc.Send(Descriptor, bytes);
        if (count < 0 && Marshal.GetLastPInvokeError() != Libc.ErrorAgain)
        {
            return false;
        }

        Add(bytes[(int)Math.Max(0, count)..]);
        return true;
    }

    public void Dispose() => socket.Dispose();

    private void Add(ReadOnlySpan<byte> bytes)
    {
        if (_unsent.Length < _unsentLength + bytes.Length)
        {
            Array.Resize(ref _unsent, 2 * (_unsentLength + bytes.Length));
        }

        bytes.CopyTo(_unsent.AsSpan(_unsentLength));
        _unsentLength += bytes.Length;
    }
}
