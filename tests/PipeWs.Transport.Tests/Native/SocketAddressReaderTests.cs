using System.Net;
using System.Net.Sockets;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Tests.Native;

public sealed class SocketAddressReaderTests
{
    public static TheoryData<string> Addresses => ["127.0.0.1:80", "255.1.2.3:65535", "[::1]:1", "[fe80::1%3]:443", "[2001:db8::ffff:1]:8080"];

    [Theory]
    [MemberData(nameof(Addresses))]
    public void An_address_is_read_as_the_runtime_writes_it(string text)
    {
        IPEndPoint address = IPEndPoint.Parse(text);
        SocketAddress written = address.Serialize();
        Assert.Equal(address, SocketAddressReader.Read(written.Buffer.Span[..written.Size], address));
    }

    [Fact]
    public void A_path_is_read_as_the_runtime_writes_it()
    {
        var address = new UnixDomainSocketEndPoint("a socket of a relative path");
        SocketAddress written = address.Serialize();
        Assert.Equal(address.ToString(), SocketAddressReader.Read(written.Buffer.Span[..written.Size], address)?.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(15)]
    public void An_address_that_was_cut_is_none(int bytes)
    {
        SocketAddress written = IPEndPoint.Parse("127.0.0.1:80").Serialize();
        Assert.Null(SocketAddressReader.Read(written.Buffer.Span[..bytes], new IPEndPoint(IPAddress.Any, 0)));
    }
}
