using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace PipeWs.Transport.Native;

/// <summary>Reads the addresses that the kernel gives: <c>sockaddr_in</c>, <c>sockaddr_in6</c>, and the others by the runtime's own reader.</summary>
internal static class SocketAddressReader
{
    /// <summary>Enough for every address: <c>sizeof(struct sockaddr_storage)</c>.</summary>
    public const int MaxBytes = 128;

    private const ushort InterNetwork = 2;
    private const ushort InterNetworkV6 = 10;
    private const int InterNetworkBytes = 16;
    private const int InterNetworkV6Bytes = 28;

    /// <summary>Reads an address.</summary>
    /// <param name="address">As the kernel wrote it.</param>
    /// <param name="local">The kind of an address that is neither IPv4 nor IPv6.</param>
    public static EndPoint? Read(ReadOnlySpan<byte> address, EndPoint local)
    {
        ushort family = address.Length < sizeof(ushort) ? (ushort)0 : BitConverter.ToUInt16(address);
        if (family == InterNetwork && address.Length >= InterNetworkBytes)
        {
            return new IPEndPoint(new IPAddress(address.Slice(4, 4)), BinaryPrimitives.ReadUInt16BigEndian(address[2..]));
        }

        if (family == InterNetworkV6 && address.Length >= InterNetworkV6Bytes)
        {
            uint scope = BitConverter.ToUInt32(address[24..]);
            return new IPEndPoint(new IPAddress(address.Slice(8, 16), scope), BinaryPrimitives.ReadUInt16BigEndian(address[2..]));
        }

        return local.AddressFamily == AddressFamily.Unix ? ReadUnix(address, local) : null;
    }

    private static EndPoint ReadUnix(ReadOnlySpan<byte> address, EndPoint local)
    {
        var copy = new SocketAddress(AddressFamily.Unix, Math.Max(address.Length, sizeof(ushort)));
        address.CopyTo(copy.Buffer.Span);
        return local.Create(copy);
    }
}
