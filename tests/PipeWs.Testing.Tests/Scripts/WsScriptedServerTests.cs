using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using PipeWs.Shared;

namespace PipeWs.Testing.Tests.Scripts;

/// <summary>The base library's own client is the one that is scripted against: it shares no code with the server.</summary>
public sealed class WsScriptedServerTests : IAsyncDisposable
{
    private readonly WsScriptedServer _server = new();
    private readonly ClientWebSocket _client = new();

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_client_is_accepted_and_talks()
    {
        _client.Options.AddSubProtocol("desk");
        _client.Options.SetRequestHeader("Authorization", "Bearer t0ken");
        Task connecting = ConnectAsync("orders?since=3");
        WsScriptedConnection connection = await _server.AcceptAsync();
        WsTestPeer peer = await connection.AcceptHandshakeAsync("desk", firstFrames: [WsRawFrame.Text("""{"type":"welcome"}""")]);
        await connecting.Soon();

        Assert.Equal("/orders?since=3", connection.Request!.Target);
        Assert.Equal("Bearer t0ken", connection.Request.Headers["authorization"]);
        Assert.Equal("desk", _client.SubProtocol);
        Assert.Equal("""{"type":"welcome"}""", await ReceiveAsync());

        await _client.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, TestContext.Current.CancellationToken);
        (await peer.ReadFrameAsync()).AssertText("hello").AssertMasked();

        Task closing = _client.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", TestContext.Current.CancellationToken);
        (await peer.ExpectCloseAsync(1000)).AssertClose(1000, "done");
        await closing.Soon();
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("garbage\r\n\r\n")]
    public async Task A_client_that_gets_a_wrong_answer_does_not_connect(string answer)
    {
        Task connecting = ConnectAsync();
        WsScriptedConnection connection = await _server.AcceptAsync();

        await connection.SendBytesAsync(Encoding.Latin1.GetBytes(answer), chunkBytes: 7);

        await Assert.ThrowsAnyAsync<WebSocketException>(() => connecting.Soon());
    }

    [Fact]
    public async Task A_server_refuses_drops_and_comes_back()
    {
        Task first = ConnectAsync();
        await (await _server.AcceptAsync()).RespondAsync(503, "busy", headers: "Retry-After: 5");
        await Assert.ThrowsAnyAsync<WebSocketException>(() => first.Soon());

        _server.StopListening();
        using var refused = new ClientWebSocket();
        await Assert.ThrowsAnyAsync<WebSocketException>(() => refused.ConnectAsync(_server.Uri, TestContext.Current.CancellationToken).Soon());

        _server.Listen();
        using var second = new ClientWebSocket();
        Task connecting = second.ConnectAsync(_server.Uri, TestContext.Current.CancellationToken);
        WsTestPeer peer = await _server.AcceptPeerAsync();
        await connecting.Soon();
        Task<WebSocketReceiveResult> receiving = second.ReceiveAsync(new byte[8], TestContext.Current.CancellationToken);
        peer.Abort();
        await Assert.ThrowsAnyAsync<WebSocketException>(() => receiving.Soon());
        Assert.Equal(2, _server.Connections.Count);
    }

    [Fact]
    public async Task A_token_and_a_handshake_come_to_the_same_server()
    {
        _server.Listen();
        using var http = new HttpClient();
        Task<string> token = http.GetStringAsync(new Uri($"http://127.0.0.1:{_server.Uri.Port}/token?user=ann"), TestContext.Current.CancellationToken);
        WsScriptedConnection asked = await _server.AcceptAsync();
        await asked.RespondAsync(200, """{"token":"t0ken"}""", "application/json");

        Assert.Equal("""{"token":"t0ken"}""", await token.Soon());
        Assert.Equal(("GET", "/token?user=ann"), (asked.Request!.Method, asked.Request.Target));

        using var form = new StringContent("grant=password");
        Task<HttpResponseMessage> post = http.PostAsync(new Uri($"http://127.0.0.1:{_server.Uri.Port}/token"), form, TestContext.Current.CancellationToken);
        Assert.Equal("grant=password", (await asked.ReadRequestAsync()).Body);
        await asked.RespondAsync(401);
        Assert.Equal(401, (int)(await post.Soon()).StatusCode);
    }

    [Fact]
    public async Task A_client_in_memory_needs_no_socket()
    {
        IDuplexPipe transport = _server.Dial();
        await transport.Output.WriteAsync("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        WsScriptedConnection connection = await _server.AcceptAsync();
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", connection.Accept);
        WsTestPeer server = await connection.AcceptHandshakeAsync();
        WsHandshakeAnswer answer = await HttpHead.ReadAnswerAsync(transport.Input, TestContext.Current.CancellationToken);
        await using var client = new WsTestPeer(transport);

        Assert.Equal(101, answer.StatusCode);
        Assert.Equal("websocket", answer.Headers["upgrade"]);
        await server.SendTextAsync("hello");
        await client.ExpectTextAsync("hello");
        server.Finish();
        await client.ExpectAbortAsync();
    }

    [Fact]
    public async Task What_does_not_come_is_a_failure()
    {
        _server.Patience = TimeSpan.FromMilliseconds(30);

        Assert.Throws<InvalidOperationException>(() => _server.Uri);
        await Assert.ThrowsAsync<WsAssertionException>(() => _server.AcceptAsync());
        _server.Dial();
        WsScriptedConnection silent = await _server.AcceptConnectionAsync();
        await Assert.ThrowsAsync<WsAssertionException>(() => silent.ReadRequestAsync());
        Assert.Throws<WsAssertionException>(() => silent.Accept);
    }

    private Task ConnectAsync(string target = "")
    {
        _server.Listen();
        return _client.ConnectAsync(new Uri(_server.Uri, target), TestContext.Current.CancellationToken);
    }

    private async Task<string> ReceiveAsync()
    {
        var buffer = new byte[256];
        WebSocketReceiveResult received = await _client.ReceiveAsync(buffer, TestContext.Current.CancellationToken).Soon();
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }
}
