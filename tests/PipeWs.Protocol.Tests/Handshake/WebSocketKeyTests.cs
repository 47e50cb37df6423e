using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Tests.Handshake;

public class WebSocketKeyTests
{
    [Fact]
    public void Answers_the_key_of_RFC_6455_1_3()
    {
        Span<byte> accept = stackalloc byte[WebSocketAccept.Length];
        WebSocketAccept.Write("dGhlIHNhbXBsZSBub25jZQ=="u8, accept);
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="u8.ToArray(), accept.ToArray());
    }

    [Fact]
    public void Generates_valid_keys_that_differ()
    {
        Span<byte> first = stackalloc byte[WebSocketKey.Length];
        Span<byte> second = stackalloc byte[WebSocketKey.Length];
        WebSocketKey.Generate(first);
        WebSocketKey.Generate(second);
        Assert.True(WebSocketKey.IsValid(first));
        Assert.False(first.SequenceEqual(second));
    }
}
