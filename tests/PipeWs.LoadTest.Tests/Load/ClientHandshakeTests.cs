using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Tests.Load;

public sealed class ClientHandshakeTests
{
    // The key and the answer of RFC 6455, section 1.3.
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")]
    [InlineData("HTTP/1.1 101 \r\nsec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=  ")]
    public void A_101_with_the_right_accept_is_taken(string answer) => ClientHandshake.CheckAnswer(answer, Key);

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")]
    [InlineData("HTTP/1.1 101 Switching Protocols")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void Any_other_answer_is_refused(string answer) =>
        Assert.Throws<ProtocolViolationException>(() => ClientHandshake.CheckAnswer(answer, Key));

    [Fact]
    public async Task A_server_that_reads_and_says_nothing_is_told_of()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = Task.Run(async () =>
        {
            using Socket socket = await listener.AcceptSocketAsync();
            byte[] request = new byte[4096];
            int length = 0;
            while (request.AsSpan(0, length).IndexOf("\r\n\r\n"u8) < 0)
            {
                length += await socket.ReceiveAsync(request.AsMemory(length));
            }
        });
        var url = new Uri($"ws://{listener.LocalEndpoint}/echo");

        var error = Assert.Throws<ProtocolViolationException>(() => ClientHandshake.Connect(url, out _));

        Assert.Contains("without an answer to the handshake, which it had received", error.Message, StringComparison.Ordinal);
        await serving;
    }
}
