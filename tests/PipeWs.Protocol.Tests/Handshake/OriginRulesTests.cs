using System.Net;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Tests.Handshake;

public class OriginRulesTests
{
    private static readonly OriginRules None = new([]);

    [Theory]
    [InlineData("https://good.com", "https://good.com", true)]
    [InlineData("https://good.com", "https://GOOD.com", true)]
    [InlineData("https://good.com", "https://good.com:443", true)]
    [InlineData("https://good.com:443", "https://good.com", true)]
    [InlineData("https://good.com", "http://good.com", false)]
    [InlineData("https://good.com", "https://good.com:8443", false)]
    [InlineData("https://good.com", "https://good.com.evil", false)]
    [InlineData("https://good.com", "https://evilgood.com", false)]
    [InlineData("https://good.com", "https://sub.good.com", false)]
    [InlineData("https://good.com", "https://good.com/", false)]
    [InlineData("https://good.com", "https://good.com@evil", false)]
    [InlineData("https://good.com", "https://good.com, https://good.com", false)]
    [InlineData("https://good.com", "null", false)]
    [InlineData("https://good.com", "", false)]
    [InlineData("https://good.com", null, false)]
    [InlineData("app://desk", "app://desk", true)]
    [InlineData("http://[::1]:81", "http://[::1]:81", true)]
    public void Compares_scheme_host_and_port(string allowed, string? origin, bool expected) =>
        Assert.Equal(expected, new OriginRules([allowed]).IsAllowed(origin, isSecure: true, local: null));

    [Theory]
    [InlineData("http://localhost:8080", false, "127.0.0.1", 8080, true)]
    [InlineData("http://127.0.0.1:8080", false, "::1", 8080, true)]
    [InlineData("http://[::1]:8080", false, "127.0.0.1", 8080, true)]
    [InlineData("http://localhost:8080", false, "::ffff:127.0.0.1", 8080, true)]
    [InlineData("http://localhost", false, "127.0.0.1", 80, true)]
    [InlineData("https://localhost", true, "127.0.0.1", 443, true)]
    [InlineData("https://localhost:8080", false, "127.0.0.1", 8080, false)]
    [InlineData("http://localhost:8080", true, "127.0.0.1", 8080, false)]
    [InlineData("http://localhost:8081", false, "127.0.0.1", 8080, false)]
    [InlineData("http://localhost:8080", false, "10.0.0.1", 8080, false)]
    [InlineData("http://10.0.0.1:8080", false, "10.0.0.1", 8080, true)]
    [InlineData("http://10.0.0.1:8080", false, "::ffff:10.0.0.1", 8080, true)]
    [InlineData("http://10.0.0.2:8080", false, "10.0.0.1", 8080, false)]
    [InlineData("http://localhost.evil:8080", false, "127.0.0.1", 8080, false)]
    public void Knows_its_own_pages_by_its_own_end_of_the_connection(string origin, bool isSecure, string address, int port, bool expected) =>
        Assert.Equal(expected, None.IsAllowed(origin, isSecure, new IPEndPoint(IPAddress.Parse(address), port)));

    [Fact]
    public void Allows_any_page_where_told_to() => Assert.True(new OriginRules([], allowAny: true).IsAllowed("null", isSecure: false, local: null));

    [Theory]
    [InlineData("example.com")]
    [InlineData("https://example.com/path")]
    [InlineData("https://")]
    [InlineData("https://*.example.com")]
    [InlineData("https://a:b")]
    [InlineData("https://a:70000")]
    [InlineData("https://:80")]
    [InlineData("https://[::1")]
    [InlineData("https://[x]")]
    [InlineData("https://a]b")]
    [InlineData("https://::1")]
    [InlineData("https://[::1]x")]
    [InlineData("1https://a")]
    [InlineData("h ttps://a")]
    [InlineData("https://a b")]
    [InlineData("null")]
    public void Refuses_to_be_set_up_with_what_is_no_origin(string text)
    {
        Assert.False(OriginRules.IsOrigin(text));
        Assert.Throws<ArgumentException>(() => new OriginRules([text]));
    }
}
