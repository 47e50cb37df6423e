using System.Net;
using PipeWs.Protocol.Handshake;
using static PipeWs.Protocol.Tests.Handshake.HandshakeBytes;

namespace PipeWs.Protocol.Tests.Handshake;

public class HandshakeRequestRulesTests
{
    private const string KeyLine = "Sec-WebSocket-Key: " + Key;

    [Theory]
    [InlineData("Content-Length: 5")]
    [InlineData("Content-Length: 00005")]
    [InlineData("Content-Length: -1")]
    [InlineData("Content-Length: 0, 0")]
    [InlineData("Content-Length:")]
    [InlineData("Transfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: identity")]
    [InlineData("Content-Length: 0\r\nContent-Length: 7")]
    public void Refuses_a_body(string header) => AssertRefused(400, Request(more: header));

    [Theory]
    [InlineData("Authorization: Bearer a\r\nAuthorization: Bearer b")]
    [InlineData("Authorization: Bearer a\r\nauthorization: Bearer a")]
    [InlineData("Authorization:\r\nAuthorization: Bearer a")]
    public void Refuses_two_authorizations(string headers) => AssertRefused(400, Request(more: headers));

    [Fact]
    public void Accepts_one_authorization() => AssertAccepted(Request(more: "Authorization: Bearer a"));

    [Fact]
    public void Accepts_a_content_length_of_0() => AssertAccepted(Request(more: "Content-Length: 0"));

    [Theory]
    [InlineData(null)]
    [InlineData("Host: a\r\nHost: a")]
    [InlineData("Host: a,b")]
    [InlineData("Host: user@a")]
    [InlineData("Host: a/path")]
    [InlineData("Host: a b")]
    [InlineData("Host:")]
    [InlineData("Host: a:port")]
    [InlineData("Host: a:80:80")]
    [InlineData("Host: [::1")]
    [InlineData("Host: :80")]
    [InlineData("Host: a:123456")]
    [InlineData("Host: a]")]
    [InlineData("Host: a[b")]
    [InlineData("Host: []")]
    [InlineData("Host: [::1]80")]
    [InlineData("Host: [::1]x:80")]
    [InlineData("Host: [::1]:x")]
    public void Refuses_a_bad_host(string? host) => AssertRefused(400, Request(host: host));

    [Theory]
    [InlineData("Host: a")]
    [InlineData("Host: a:8080")]
    [InlineData("Host: [::1]:8080")]
    [InlineData("Host: [::1]")]
    [InlineData("Host: [::1]:")]
    [InlineData("hOST: 127.0.0.1")]
    public void Accepts_a_host(string host) => AssertAccepted(Request(host: host));

    [Theory]
    [InlineData("get /ws HTTP/1.1", 405)]
    [InlineData("POST /ws HTTP/1.1", 405)]
    [InlineData("GET /ws HTTP/1.0", 400)]
    [InlineData("GET /ws HTTP/2.0", 505)]
    [InlineData("GET /ws HTTP/1.2", 505)]
    [InlineData("GET /ws HTTP/0.9", 505)]
    [InlineData("GET * HTTP/1.1", 400)]
    [InlineData("GET /ws#frag HTTP/1.1", 400)]
    [InlineData("GET //evil/ws HTTP/1.1", 400)]
    [InlineData("GET http://user@host/ws HTTP/1.1", 400)]
    public void Refuses_methods_versions_and_targets(string line, int status) => AssertRefused(status, Request(line: line));

    [Theory]
    [InlineData("GET http://host/ws HTTP/1.1")]
    [InlineData("GET HTTPS://host:8080/ws?x=y HTTP/1.1")]
    public void Accepts_the_absolute_form(string line) => AssertAccepted(Request(line: line));

    [Theory]
    [InlineData("Connection: keep-alive, Upgrade")]
    [InlineData("Connection: UPGRADE")]
    [InlineData("Connection: keep-alive\r\nConnection: upgrade")]
    [InlineData("CONNECTION:upgrade")]
    public void Accepts_upgrade_anywhere_in_the_list(string connection) => AssertAccepted(Request(connection: connection));

    [Theory]
    [InlineData("Upgrade: WebSocket")]
    [InlineData("Upgrade: h2c, websocket")]
    [InlineData("Upgrade: h2c\r\nUpgrade: websocket")]
    public void Accepts_websocket_anywhere_in_the_list(string upgrade) => AssertAccepted(Request(upgrade: upgrade));

    [Fact]
    public void Asks_who_does_not_upgrade_to_do_so()
    {
        var reader = new HandshakeRequestReader();
        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(Sequence(Bytes(Request(connection: "Connection: close")))));
        Assert.Equal(426, HandshakeRequestRules.Check(reader.Request).StatusCode);
        AssertRefused(426, Request(upgrade: null));
        AssertRefused(426, Request(upgrade: "Upgrade: notwebsocket"));
    }

    [Theory]
    [InlineData("Sec-WebSocket-Version: 7")]
    [InlineData("Sec-WebSocket-Version: 8")]
    [InlineData("Sec-WebSocket-Version: 13, 8")]
    [InlineData("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13")]
    [InlineData("Sec-WebSocket-Version: 013")]
    [InlineData(null)]
    public void Asks_for_version_13(string? version)
    {
        HandshakeRefusal refusal = AssertRefused(426, Request(version: version));
        Assert.Equal("Sec-WebSocket-Version", refusal.HeaderName);
        Assert.Equal("13", refusal.HeaderValue);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Sec-WebSocket-Key:")]
    [InlineData(KeyLine + "\r\n" + KeyLine)]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWQ=")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWQx")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25 ZQ==")]
    public void Refuses_a_bad_key(string? key) => AssertRefused(400, Request(key: key));

    [Theory]
    [InlineData("Sec-WebSocket-Protocol: a b")]
    [InlineData("Sec-WebSocket-Protocol: a, \"b\"")]
    public void Refuses_subprotocols_that_are_no_tokens(string header) => AssertRefused(400, Request(more: header));

    [Fact]
    public void Judges_an_extended_CONNECT_without_key_and_upgrade()
    {
        Assert.Equal(400, HandshakeRequestRules.Check(new HandshakeRequest { Method = HandshakeMethod.Get, Version = HandshakeHttpVersion.Http2OrLater }).StatusCode);
        var request = new HandshakeRequest { Method = HandshakeMethod.ExtendedConnect, Version = HandshakeHttpVersion.Http2OrLater };
        Assert.True(request.AsksForWebSocket);
        Assert.Equal(426, HandshakeRequestRules.Check(request).StatusCode);

        request.AddHeader("sec-websocket-version"u8, "13"u8);
        Assert.False(HandshakeRequestRules.Check(request).IsRefused);
        request.AddHeader("sec-websocket-version"u8, "13"u8);
        Assert.Equal(426, HandshakeRequestRules.Check(request).StatusCode);
    }

    [Theory]
    [InlineData("Origin: http://good.example", 0)]
    [InlineData("Origin: http://foreign.example", 403)]
    [InlineData("Origin: null", 403)]
    [InlineData("Origin: http://good.example\r\nOrigin: http://good.example", 403)]
    [InlineData("Origin: http://good.example.evil", 403)]
    [InlineData("X: no origin", 0)]
    public void Judges_the_origin(string header, int status)
    {
        HandshakeRequest request = Read(Request(host: "Host: foreign.example", more: header));
        var rules = new OriginRules(["http://good.example"]);
        Assert.Equal(status, HandshakeRequestRules.CheckOrigin(request, rules, isSecure: false, new IPEndPoint(IPAddress.Loopback, 80)).StatusCode);
    }

    private static HandshakeRequest Read(string text)
    {
        var reader = new HandshakeRequestReader(Paths);
        Assert.Equal(HandshakeReadStatus.Complete, reader.Read(Sequence(Bytes(text))));
        return reader.Request;
    }

    private static void AssertAccepted(string text) => Assert.Equal(default, HandshakeRequestRules.Check(Read(text)));

    private static HandshakeRefusal AssertRefused(int status, string text)
    {
        HandshakeRefusal refusal = HandshakeRequestRules.Check(Read(text));
        Assert.Equal(status, refusal.StatusCode);
        return refusal;
    }
}
