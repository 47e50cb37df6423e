using System.Net;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Hubs;
using PipeWs.Server.Limits;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Limits;

/// <summary>How many connections there may be, of whom and from where.</summary>
public sealed class ConnectionLimitTests
{
    [Theory]
    [InlineData("192.0.2.1", 64, "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", 64, "192.0.2.1")]
    [InlineData("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::")]
    [InlineData("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6")]
    [InlineData("2001:db8:1:2ff:3:4:5:6", 56, "2001:db8:1:200::")]
    [InlineData("ffff:db8::1", 1, "8000::")]
    [InlineData("fe80::1%3", 64, "fe80::")]
    public void An_IPv6_network_counts_as_one_address(string address, int prefix, string key) =>
        Assert.Equal(IPAddress.Parse(key), AddressKey.Of(IPAddress.Parse(address), prefix));

    [Fact]
    public void A_limit_per_address_counts_networks_and_names_itself()
    {
        using var test = new TestHub(options => options.MaxConnectionsPerAddress = 2);
        Hub hub = test.Hub;
        IDisposable first = Reserve(hub, "2001:db8::1");
        IDisposable second = Reserve(hub, "2001:db8::2");
        Assert.False(hub.TryReserve(EndPoint("2001:db8:0:0:ffff::3"), out _, out HandshakeRefusal refusal));
        Assert.Equal(503, refusal.StatusCode);
        Assert.Contains("(2, MaxConnectionsPerAddress)", refusal.Message, StringComparison.Ordinal);
        IDisposable elsewhere = Reserve(hub, "2001:db8:0:1::3");
        IDisposable nowhere = Reserve(hub, null);
        Assert.Equal(4, hub.ReservedPlaces);
        Assert.Equal(2, hub.CountedAddresses);

        second.Dispose();
        second.Dispose();
        IDisposable third = Reserve(hub, "2001:db8:0:0:ffff::3");
        foreach (IDisposable place in new[] { first, third, elsewhere, nowhere })
        {
            place.Dispose();
        }

        Assert.Equal(0, hub.ReservedPlaces);
        Assert.Equal(0, hub.CountedAddresses);
        Assert.Equal(1, hub.Counters.Refusals.GetValueOrDefault("MaxConnectionsPerAddress"));
    }

    [Fact]
    public void A_limit_per_user_follows_whom_the_connection_is_authenticated_as()
    {
        using var test = new TestHub(options => options.MaxConnectionsPerUser = 1);
        Hub hub = test.Hub;
        var first = (ConnectionPlace)Reserve(hub, null);
        var second = (ConnectionPlace)Reserve(hub, null);
        Assert.False(first.TrySetUser("ann").IsRefused);
        Assert.False(first.TrySetUser("ann").IsRefused);
        HandshakeRefusal refusal = second.TrySetUser("ann");
        Assert.Equal(503, refusal.StatusCode);
        Assert.Contains("(1, MaxConnectionsPerUser)", refusal.Message, StringComparison.Ordinal);
        Assert.False(second.TrySetUser("bob").IsRefused);

        // Who becomes somebody else makes room, and one that is refused stays who it is.
        Assert.True(second.TrySetUser("ann").IsRefused);
        Assert.False(first.TrySetUser("cid").IsRefused);
        Assert.False(second.TrySetUser("ann").IsRefused);
        Assert.False(first.TrySetUser("bob").IsRefused);
        first.Dispose();
        Assert.False(first.TrySetUser("dan").IsRefused);
        second.Dispose();
        Assert.Equal(0, hub.PerUser.Keys);
        Assert.Equal(0, hub.ReservedPlaces);
        Assert.Equal(2, hub.Counters.Refusals.GetValueOrDefault("MaxConnectionsPerUser"));
    }

    [Fact]
    public async Task A_user_of_the_application_has_as_many_connections_as_the_limit_says()
    {
        await using HubServer server = await HubServer.JsonAsync(
            Door.Mapped, configure: options => options.MaxConnectionsPerUser = 1, services: UserFromQuery.AddTo, app: UserFromQuery.Use);
        await using RawPeer ann = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        await using (RawPeer again = await server.Server.ConnectAsync())
        {
            await again.SendAsync(UserFromQuery.Handshake("ann"));
            HttpAnswer answer = await again.ReadAnswerAsync();
            Assert.Equal(503, answer.StatusCode);
            Assert.Contains("MaxConnectionsPerUser", answer.Body, StringComparison.Ordinal);
            await again.AssertClosedAsync();
        }

        await using RawPeer bob = await server.OpenAsync(UserFromQuery.Handshake("bob"));
        await server.AssertConnectionsAsync(3);
        await ann.CloseAsync();
        await server.AssertConnectionsAsync(2);
        await using RawPeer back = await server.OpenAsync(UserFromQuery.Handshake("ann"));
        Assert.Equal(2, server.Hub.PerUser.Keys);
    }

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public async Task A_user_with_a_token_has_as_many_too_whether_the_handshake_carries_it_or_a_message(Door door)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door,
            configure: options =>
            {
                options.MaxConnectionsPerUser = 1;
                options.Authentication.Mode = WsAuthenticationMode.FirstMessage;
            },
            build: builder => builder.UseStaticTokens(new Dictionary<string, string> { ["ann-token"] = "ann" }),
            hasBystander: false);
        await using RawPeer first = await server.OpenAsync(RawPeer.Handshake("GET /ws?token=ann-token HTTP/1.1"));
        await using (RawPeer again = await server.Server.ConnectAsync())
        {
            await again.SendAsync(RawPeer.Handshake("GET /ws?token=ann-token HTTP/1.1"));
            HttpAnswer answer = await again.ReadAnswerAsync();
            Assert.Equal(503, answer.StatusCode);
            Assert.Contains("(1, MaxConnectionsPerUser)", answer.Body, StringComparison.Ordinal);
        }

        await using (RawPeer later = await server.OpenAsync())
        {
            await later.SendTextAsync("""{"id":"1","type":"auth","data":{"token":"ann-token"}}""");
            Assert.Contains("MaxConnectionsPerUser", (await later.ReadCloseAsync(3013)).Text, StringComparison.Ordinal);
            await later.SendFrameAsync(Protocol.Framing.Opcode.Close, [0x0B, 0xC5]);
            await later.AssertClosedAsync();
        }

        // The first may refresh its token: it is the same connection.
        await first.AskAsync("""{"id":"1","type":"auth","data":{"token":"ann-token"}}""", """{"id":"1","type":"ack"}""");
        await first.CloseAsync();
        await server.AssertConnectionsAsync(0);
        Assert.Equal(0, server.Hub.PerUser.Keys);
    }

    [Fact]
    public async Task Who_authenticates_on_an_open_connection_and_is_one_too_many_is_closed_with_3013()
    {
        await using HubServer server = await HubServer.JsonAsync(configure: options => options.MaxConnectionsPerUser = 1);
        (RawPeer first, HubConnection one) = await server.OpenWithConnectionAsync();
        (RawPeer second, HubConnection two) = await server.OpenWithConnectionAsync();
        await using (first)
        await using (second)
        {
            Assert.True(one.TryCountUser("ann"));
            Assert.False(two.TryCountUser("ann"));
            RawFrame close = await second.ReadCloseAsync(3013);
            Assert.Contains("MaxConnectionsPerUser", close.Text, StringComparison.Ordinal);
        }

        await server.AssertUndisturbedAsync(0);
        Assert.Equal(0, server.Hub.PerUser.Keys);
    }

    private static IDisposable Reserve(Hub hub, string? address)
    {
        Assert.True(hub.TryReserve(address is null ? null : EndPoint(address), out IDisposable? place, out HandshakeRefusal refusal), refusal.Message);
        return place;
    }

    private static IPEndPoint EndPoint(string address) => new(IPAddress.Parse(address), 1);
}
