using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Hardening;

/// <summary>What a server may not answer. The rows of the hardening list that name the client's handshake.</summary>
public sealed class HandshakeRowsTests
{
    [Fact]
    public Task Row_12_a_subprotocol_that_was_not_offered_fails_the_handshake() =>
        FailsAsync(peer => peer.Answer("Sec-WebSocket-Protocol: other\r\n"), "subprotocol that was not offered");

    [Fact]
    public Task Row_12_two_subprotocols_fail_the_handshake() =>
        FailsAsync(peer => peer.Answer("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n"), "subprotocol that was not offered");

    [Theory]
    [InlineData("permessage-deflate")]
    [InlineData("permessage-deflate; server_max_window_bits=7")]
    [InlineData("permessage-deflate; server_max_window_bits=\"15")]
    public Task Row_13_an_extension_that_was_not_offered_or_is_malformed_fails_the_handshake(string extensions) =>
        FailsAsync(peer => peer.Answer($"Sec-WebSocket-Extensions: {extensions}\r\n"), "xtension");

    [Fact]
    public async Task Row_15_a_redirect_is_not_followed_and_credentials_reach_nobody_else()
    {
        int others = 0;
        await using ScriptedServer other = ScriptedServer.Listen(async peer =>
        {
            Interlocked.Increment(ref others);
            await peer.ReadRequestAsync();
        });
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.ReadRequestAsync();
            Assert.Equal("Bearer secret", peer.Header("Authorization"));
            await peer.WriteAsync($"HTTP/1.1 302 Found\r\nLocation: {other.Uri}?token=secret\r\nContent-Length: 0\r\n\r\n");
        });
        await using WsClient client = server.CreateClient(o => o.Headers["Authorization"] = "Bearer secret");

        var error = await Assert.ThrowsAsync<WsHandshakeException>(() => client.StartAsync().Soon());

        Assert.Equal(302, error.StatusCode);
        Assert.Equal("Found", error.ReasonPhrase);
        Assert.Equal($"{other.Uri}?token=secret", error.Location);
        Assert.Contains("Redirects are not followed", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, others);
        Assert.Empty(server.Failures);
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "Sec-WebSocket-Accept")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n", "Sec-WebSocket-Accept")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "not to WebSocket")]
    [InlineData("HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "not HTTP/1.1")]
    [InlineData("HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\nno token. x", "401 Unauthorized: no token. x")]
    [InlineData("SSH-2.0-OpenSSH_9.9\r\n", "not HTTP")]
    [InlineData("HTTP/1.1 101 Swi", "closed the connection in the middle")]
    [InlineData("", "closed the connection in the middle")]
    public Task A_wrong_answer_fails_the_handshake_with_what_the_server_said(string answer, string message) => FailsAsync(_ => answer, message);

    private static async Task FailsAsync(Func<ServerPeer, string> answer, string message)
    {
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync(answer(peer));
        });
        await using WsClient client = server.CreateClient(o => o.Subprotocols.Add("chat"));

        var error = await Assert.ThrowsAsync<WsHandshakeException>(() => client.StartAsync().Soon());

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(WsClientState.Created, client.State);
        Assert.Equal($"ws://127.0.0.1:{server.Uri.Port}/ws", error.Endpoint);
    }
}
