using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace PipeWs.Server.Limits;

/// <summary>What counts as one address.</summary>
internal static class AddressKey
{
    /// <summary>The prefix that counts unless an option says otherwise, in bits.</summary>
    public const int DefaultPrefixLengthIPv6 = 64;

    /// <summary>
    /// The address itself for IPv4, in either notation; for IPv6 its network, since whoever has one address of it has all of them.
    /// </summary>
    public static IPAddress Of(IPAddress address, int prefixLengthIPv6)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        UInt128 network = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        BinaryPrimitives.WriteUInt128BigEndian(bytes, prefixLengthIPv6 >= 128 ? network : network & ~(UInt128.MaxValue >> prefixLengthIPv6));
        return new IPAddress(bytes);
    }
}
