using System.Text;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Identity;

namespace PipeWs.Server.Tests.Identity;

public sealed class TokenReaderTests
{
    [Theory]
    [InlineData("", null, null, null)]
    [InlineData("?token=abc", null, null, "abc")]
    [InlineData("?a=1&token=a%2Bb+c&b=2", null, null, "a+b c")]
    [InlineData("?to%6ben=abc", null, null, "abc")]
    [InlineData("?token=", null, null, null)]
    [InlineData("?token", null, null, null)]
    [InlineData("?Token=abc", null, null, null)]
    [InlineData("?xtoken=abc&token2=abc", null, null, null)]
    [InlineData("?token=abc&token=abc", null, null, "abc")]
    [InlineData("", "Bearer abc", null, "abc")]
    [InlineData("", "bEARER   abc.d-e_f~g+h/i==", null, "abc.d-e_f~g+h/i==")]
    [InlineData("", "Basic QWxhZGRpbg==", null, null)]
    [InlineData("", "Bearerabc", null, null)]
    [InlineData("", null, "json, bearer.abc.def", "abc.def")]
    [InlineData("", null, "bearer64.YSBi,json", "a b")]
    [InlineData("", null, "Bearer.abc, bearer, bearerabc", null)]
    [InlineData("?token=abc", "Bearer abc", "bearer.abc,bearer64.YWJj", "abc")]
    public void A_token_is_found_wherever_it_is(string query, string? authorization, string? subprotocols, string? token)
    {
        GivenToken given = Read(query, authorization, subprotocols);

        Assert.False(given.Refusal.IsRefused);
        Assert.Equal(token, given.Token);
        if (token is not null)
        {
            Assert.DoesNotContain("abc", given.Query + given.Subprotocols, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("?token=abc&token=abd", null, null)]
    [InlineData("?token=abc", "Bearer abd", null)]
    [InlineData("?token=abc", null, "bearer.abd")]
    [InlineData("", "Bearer abc", "bearer.abd")]
    [InlineData("", null, "bearer.abc,bearer.abd")]
    [InlineData("?token=abc&to%6Ben=abd", null, null)]
    public void Tokens_that_differ_are_refused(string query, string? authorization, string? subprotocols) =>
        Assert.Equal(BearerChallenge.TwoTokens, Read(query, authorization, subprotocols).Refusal);

    [Theory]
    [InlineData("Bearer", null)]
    [InlineData("Bearer ", null)]
    [InlineData("Bearer a b", null)]
    [InlineData("Bearer a,b", null)]
    [InlineData("Bearer \u00E9", null)]
    [InlineData(null, "bearer64.a")]
    [InlineData(null, "bearer64.!!!!")]
    public void A_token_that_is_not_written_as_one_is_refused(string? authorization, string? subprotocols) =>
        Assert.Equal(BearerChallenge.BadToken, Read("", authorization, subprotocols).Refusal);

    [Fact]
    public void What_is_left_is_what_came_without_the_token()
    {
        GivenToken given = Read("?room=1&token=abc&x=%20&token=abc", null, "a,bearer.abc , b");

        Assert.Equal("?room=1&x=%20", given.Query);
        Assert.Equal("a, b", given.Subprotocols);
        Assert.Equal("", Read("?token=abc", null, null).Query);
        Assert.Null(Read("", null, "bearer.abc").Subprotocols);
        Assert.Equal("?room=1&&x", Read("?room=1&&x", null, null).Query);
    }

    [Fact]
    public void A_place_that_is_switched_off_is_not_looked_at()
    {
        foreach (WsTokenSources source in new[] { WsTokenSources.AuthorizationHeader, WsTokenSources.Query, WsTokenSources.Subprotocol })
        {
            GivenToken given = Read("?token=q", "Bearer h", "bearer.s", new WsAuthenticationOptions { TokenSources = source });

            Assert.False(given.Refusal.IsRefused);
            Assert.Equal(source switch { WsTokenSources.AuthorizationHeader => "h", WsTokenSources.Query => "q", _ => "s" }, given.Token);
        }

        Assert.Null(Read("?token=q", "Bearer h", "bearer.s", new WsAuthenticationOptions { TokenSources = WsTokenSources.None }).Token);
        Assert.Equal("q", Read("?access_token=q&token=other", null, null, new WsAuthenticationOptions { TokenParameter = "access_token" }).Token);
    }

    [Theory]
    [InlineData("?token=abc", "?token=***")]
    [InlineData("?a=1&token=abc&b", "?a=1&token=***&b")]
    [InlineData("?%74oken=abc&token=d", "?token=***&token=***")]
    [InlineData("?a=token", "?a=token")]
    public void A_query_is_redacted(string query, string redacted) => Assert.Equal(redacted, TokenReader.Redact(query, "token", "***"));

    private static GivenToken Read(string query, string? authorization, string? subprotocols, WsAuthenticationOptions? options = null)
    {
        var request = new HandshakeRequest { Query = query };
        if (authorization is not null)
        {
            request.AddHeader("Authorization"u8, Encoding.Latin1.GetBytes(authorization));
        }

        if (subprotocols is not null)
        {
            request.AddHeader("Sec-WebSocket-Protocol"u8, Encoding.Latin1.GetBytes(subprotocols));
        }

        return TokenReader.Read(request, options ?? new WsAuthenticationOptions());
    }
}
