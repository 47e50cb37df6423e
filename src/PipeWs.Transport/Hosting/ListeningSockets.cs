using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;

namespace PipeWs.Transport.Hosting;

/// <summary>Opens the sockets that listen. The runtime's own, which knows every kind of address.</summary>
internal static class ListeningSockets
{
    private const int SocketLevel = 1;
    private const int ReusePortOption = 15;

    /// <summary>Opens a socket that listens and does not block.</summary>
    /// <exception cref="AddressInUseException">Somebody else listens there.</exception>
    public static Socket Listen(EndPoint endPoint, PipeWsTransportOptions options)
    {
        Socket? socket = null;
        try
        {
            socket = options.CreateBoundListenSocket?.Invoke(endPoint) ?? Bind(endPoint, options.ReusePort);
            socket.Listen(options.Backlog);
            socket.Blocking = false;
            return socket;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket?.Dispose();
            throw new AddressInUseException(e.Message, e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    /// <summary>Opens a socket that is bound.</summary>
    public static Socket Bind(EndPoint endPoint, bool reusesPort)
    {
        if (endPoint is FileHandleEndPoint handle)
        {
            return new Socket(new SafeSocketHandle((nint)handle.FileHandle, ownsHandle: true));
        }

        ProtocolType protocol = endPoint is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        try
        {
            if (endPoint is IPEndPoint { Address: { } address } && address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            if (reusesPort && protocol == ProtocolType.Tcp)
            {
                int on = 1;
                socket.SetRawSocketOption(SocketLevel, ReusePortOption, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in on)));
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
