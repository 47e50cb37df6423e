using System.Buffers;
using System.Text;
using PipeWs.Protocol.Handshake;
using static PipeWs.Protocol.Tests.Handshake.HandshakeBytes;

namespace PipeWs.Protocol.Tests.Handshake;

public class HandshakeRequestWriterTests
{
    [Fact]
    public void Writes_a_request_that_the_server_accepts()
    {
        var offer = new HandshakeOffer
        {
            Target = "/ws?x=1",
            Host = "localhost:8080",
            Subprotocols = ["a", "b"],
            Extensions = "permessage-deflate",
            Origin = "http://localhost:8080",
            Headers = [new("Authorization", "Bearer abc")],
        };
        var output = new ArrayBufferWriter<byte>();
        HandshakeRequestWriter.Write(output, offer, Bytes(Key));

        var reader = new HandshakeRequestReader();
        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(new ReadOnlySequence<byte>(output.WrittenMemory)));
        Assert.Equal(default, HandshakeRequestRules.Check(reader.Request));
        Assert.Equal("a, b", reader.Request.Subprotocols);
        Assert.Contains("\r\nAuthorization: Bearer abc\r\n", Encoding.ASCII.GetString(output.WrittenSpan));
    }

    public static TheoryData<string, string, string, string, string> BadOffers => new()
    {
        { "ws", "h", "a", "A", "b" },
        { "/ws x", "h", "a", "A", "b" },
        { "/ws#f", "h", "a", "A", "b" },
        { "/ws\r\nX: y", "h", "a", "A", "b" },
        { "/ws", "", "a", "A", "b" },
        { "/ws", "h\r\nX: y", "a", "A", "b" },
        { "/ws", "h", "a b", "A", "b" },
        { "/ws", "h", "a,a", "A", "b" },
        { "/ws", "h", "a", "A", "b\r\nX: y" },
        { "/ws", "h", "a", "upgrade", "h2c" },
        { "/ws", "h", "a", "Sec-WebSocket-Key", "x" },
    };

    [Theory]
    [MemberData(nameof(BadOffers))]
    public void Throws_for_what_would_break_the_request_and_writes_nothing(string target, string host, string subprotocols, string name, string value)
    {
        var output = new ArrayBufferWriter<byte>();
        var offer = new HandshakeOffer { Target = target, Host = host, Subprotocols = subprotocols.Split(','), Headers = [new(name, value)] };
        Assert.Throws<ArgumentException>(() => HandshakeRequestWriter.Write(output, offer, Bytes(Key)));
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void Throws_for_a_key_that_is_none()
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Throws<ArgumentException>("key", () => HandshakeRequestWriter.Write(output, new HandshakeOffer { Target = "/", Host = "h" }, "short"u8));
        Assert.Equal(0, output.WrittenCount);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\tx")]
    [InlineData("x ")]
    [InlineData("x\t")]
    public void Takes_an_empty_value_and_throws_for_blanks_at_its_ends(string value)
    {
        var output = new ArrayBufferWriter<byte>();
        var offer = new HandshakeOffer { Target = "/", Host = "h", Headers = [new("A", value)] };
        if (value.Length == 0)
        {
            HandshakeRequestWriter.Write(output, offer, Bytes(Key));
            Assert.EndsWith("\r\nA: \r\n\r\n", Encoding.ASCII.GetString(output.WrittenSpan), StringComparison.Ordinal);
            return;
        }

        Assert.Throws<ArgumentException>(() => HandshakeRequestWriter.Write(output, offer, Bytes(Key)));
    }
}
