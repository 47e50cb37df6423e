using PipeWs.Protocol.Compression;

namespace PipeWs.Protocol.Tests.Compression;

public sealed class DeflateNegotiationTests
{
    private static readonly DeflateParameters s_all = new(15, 15);

    [Theory]
    [InlineData("permessage-deflate", "permessage-deflate")]
    [InlineData("permessage-deflate; client_max_window_bits", "permessage-deflate")]
    [InlineData("permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10")]
    [InlineData("permessage-deflate; client_max_window_bits=15", "permessage-deflate")]
    [InlineData("permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8")]
    [InlineData("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10")]
    [InlineData("permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8")]
    [InlineData("permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15")]
    [InlineData("permessage-deflate; server_max_window_bits=\"12\"", "permessage-deflate; server_max_window_bits=12")]
    [InlineData("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover")]
    [InlineData("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover")]
    [InlineData(
        "permessage-deflate;client_max_window_bits=9;server_max_window_bits=11;client_no_context_takeover;server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=9")]
    public void Server_grants_what_is_offered_where_it_has_no_wish_of_its_own(string offers, string expected)
    {
        Assert.True(DeflateNegotiation.TryAccept(offers, s_all, out _, out string answer));
        Assert.Equal(expected, answer);
    }

    [Theory]
    [InlineData("permessage-deflate", 15)]
    [InlineData("permessage-deflate; client_max_window_bits", 10)]
    [InlineData("permessage-deflate; client_max_window_bits=9", 9)]
    [InlineData("permessage-deflate; client_max_window_bits=12", 10)]
    public void Server_limits_the_window_of_a_client_only_where_the_client_lets_itself_be_told(string offers, int expected)
    {
        Assert.True(DeflateNegotiation.TryAccept(offers, s_all with { ClientMaxWindowBits = 10 }, out DeflateParameters agreed, out string answer));

        Assert.Equal(expected, agreed.ClientMaxWindowBits);
        Assert.Equal(expected < 15, answer.Contains("client_max_window_bits", StringComparison.Ordinal));
    }

    [Fact]
    public void Server_says_its_own_wishes_unasked()
    {
        var allowed = new DeflateParameters(11, 15, true, true);

        Assert.True(DeflateNegotiation.TryAccept("permessage-deflate", allowed, out DeflateParameters agreed, out string answer));

        Assert.Equal(allowed, agreed);
        Assert.Equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11", answer);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x-webkit-deflate-frame")]
    [InlineData("permessage-deflat")]
    [InlineData("permessage-deflate-frame")]
    [InlineData("permessage-deflate; unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover=1")]
    [InlineData("permessage-deflate; client_no_context_takeover=\"true\"")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_no_context_takeover")]
    [InlineData("permessage-deflate; client_no_context_takeover; client_no_context_takeover")]
    [InlineData("permessage-deflate; server_max_window_bits")]
    [InlineData("permessage-deflate; server_max_window_bits=7")]
    [InlineData("permessage-deflate; server_max_window_bits=16")]
    [InlineData("permessage-deflate; server_max_window_bits=08")]
    [InlineData("permessage-deflate; server_max_window_bits=010")]
    [InlineData("permessage-deflate; server_max_window_bits=1")]
    [InlineData("permessage-deflate; server_max_window_bits=-9")]
    [InlineData("permessage-deflate; server_max_window_bits=1x")]
    [InlineData("permessage-deflate; server_max_window_bits=99999999999999999999")]
    [InlineData("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10")]
    [InlineData("permessage-deflate; client_max_window_bits=7")]
    [InlineData("permessage-deflate; client_max_window_bits=16")]
    [InlineData("permessage-deflate; client_max_window_bits; client_max_window_bits=10")]
    [InlineData("permessage-deflate; client_max_window_bits; client_max_window_bits")]
    [InlineData("permessage-deflate; client_max_window_bits=10; client_max_window_bits")]
    [InlineData("permessage-deflate; client_max_window_bits=\"10")]
    [InlineData("permessage-deflate; client_max_window_bits=")]
    [InlineData("permessage-deflate; =10")]
    [InlineData("\"permessage-deflate\"")]
    public void Server_declines_what_it_cannot_grant(string? offers)
    {
        Assert.False(DeflateNegotiation.TryAccept(offers, s_all, out DeflateParameters agreed, out string answer));
        Assert.Equal(default, agreed);
        Assert.Equal("", answer);
    }

    [Theory]
    [InlineData("permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=12, permessage-deflate", "permessage-deflate; server_max_window_bits=12")]
    [InlineData("permessage-deflate; unknown=1, foo, permessage-deflate", "permessage-deflate")]
    [InlineData("foo; server_max_window_bits=9, bar;x, permessage-deflate;server_no_context_takeover", "permessage-deflate; server_no_context_takeover")]
    [InlineData(", ,permessage-deflate; client_max_window_bits=9, permessage-deflate", "permessage-deflate; client_max_window_bits=9")]
    public void Server_takes_the_first_offer_it_can_grant(string offers, string expected)
    {
        Assert.True(DeflateNegotiation.TryAccept(offers, s_all, out _, out string answer));
        Assert.Equal(expected, answer);
    }

    [Theory]
    [InlineData("permessage-deflate; server_max_window_bits=10", null)]
    [InlineData("permessage-deflate; server_max_window_bits=11", "permessage-deflate; server_max_window_bits=11")]
    [InlineData("permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=12")]
    [InlineData("permessage-deflate", "permessage-deflate; server_max_window_bits=12")]
    [InlineData("permessage-deflate; client_max_window_bits=8", "permessage-deflate; server_max_window_bits=12; client_max_window_bits=8")]
    [InlineData("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9", null)]
    [InlineData("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover; server_max_window_bits=12")]
    public void Server_declines_a_window_below_its_least_and_goes_on_to_the_next_offer(string offers, string? expected)
    {
        Assert.Equal(expected is not null, DeflateNegotiation.TryAccept(offers, s_all with { ServerMaxWindowBits = 12 }, out DeflateParameters agreed, out string answer, 11));

        Assert.Equal(expected ?? "", answer);
        Assert.Equal(expected is null ? default : answer.Contains("=11", StringComparison.Ordinal) ? 11 : 12, expected is null ? default : agreed.ServerMaxWindowBits);
    }

    [Fact]
    public void Every_window_is_granted_from_the_least_on()
    {
        foreach (DeflateParameters wanted in All())
        {
            for (int least = DeflateParameters.MinWindowBits; least <= DeflateParameters.MaxWindowBits; least++)
            {
                bool isAccepted = DeflateNegotiation.TryAccept(DeflateNegotiation.WriteOffer(wanted), s_all, out DeflateParameters agreed, out _, least);

                // What asks for the widest says nothing.
                Assert.Equal(wanted.ServerMaxWindowBits >= least, isAccepted);
                Assert.Equal(isAccepted ? wanted : default, agreed);
            }
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(16)]
    public void There_is_no_least_window_beyond_those_there_are(int least) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DeflateNegotiation.TryAccept("permessage-deflate", s_all, out _, out _, least));

    [Fact]
    public void Server_declines_what_follows_broken_grammar()
    {
        Assert.False(DeflateNegotiation.TryAccept("permessage-deflate; server_max_window_bits=\"9, permessage-deflate", s_all, out _, out _));
    }

    [Fact]
    public void Row_13_ten_thousand_offers_are_read_once()
    {
        string offers = string.Join(',', Enumerable.Repeat("permessage-deflate;server_max_window_bits=16", 10_000)) + ",permessage-deflate";

        Assert.True(DeflateNegotiation.TryAccept(offers, s_all, out _, out string answer));
        Assert.Equal("permessage-deflate", answer);
    }

    [Theory]
    [InlineData(15, 15, false, false, "permessage-deflate; client_max_window_bits")]
    [InlineData(15, 15, true, true, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits")]
    [InlineData(10, 9, false, true, "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9")]
    public void Client_offers_what_it_wants(int server, int client, bool serverForgets, bool clientForgets, string expected) =>
        Assert.Equal(expected, DeflateNegotiation.WriteOffer(new DeflateParameters(server, client, serverForgets, clientForgets)));

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("", null, null)]
    [InlineData("permessage-deflate", 15, 15)]
    [InlineData("permessage-deflate; server_max_window_bits=9; client_max_window_bits=8", 9, 8)]
    [InlineData("permessage-deflate; client_max_window_bits=15; client_no_context_takeover; server_no_context_takeover", 15, 15)]
    public void Client_takes_an_answer_that_keeps_to_its_offer(string? answer, int? server, int? client)
    {
        Assert.Null(DeflateNegotiation.CheckAnswer(answer, s_all, out DeflateParameters? agreed));
        Assert.Equal(server, agreed?.ServerMaxWindowBits);
        Assert.Equal(client, agreed?.ClientMaxWindowBits);
        bool forgets = answer?.Contains("takeover", StringComparison.Ordinal) == true;
        Assert.Equal(forgets, agreed?.ServerNoContextTakeover ?? false);
        Assert.Equal(forgets, agreed?.ClientNoContextTakeover ?? false);
    }

    [Theory]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=12")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_max_window_bits=9")]
    public void Client_keeps_to_what_it_asked_of_itself(string answer)
    {
        var wanted = new DeflateParameters(12, 10, true, true);

        Assert.Null(DeflateNegotiation.CheckAnswer(answer, wanted, out DeflateParameters? agreed));

        Assert.True(agreed!.Value.ClientNoContextTakeover);
        Assert.InRange(agreed.Value.ClientMaxWindowBits, 9, 10);
    }

    [Theory]
    [InlineData("permessage-deflate, permessage-deflate", "twice")]
    [InlineData("foo", "not offered")]
    [InlineData("permessage-deflate, foo", "not offered")]
    [InlineData("permessage-deflate; unknown", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover=1", "unknown")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_no_context_takeover", "unknown")]
    [InlineData("permessage-deflate; client_max_window_bits", "unknown")]
    [InlineData("permessage-deflate; server_max_window_bits", "unknown")]
    [InlineData("permessage-deflate; server_max_window_bits=7", "unknown")]
    [InlineData("permessage-deflate; server_max_window_bits=16", "unknown")]
    [InlineData("permessage-deflate; client_max_window_bits=16", "unknown")]
    [InlineData("permessage-deflate; server_max_window_bits=\"10", "unknown")]
    [InlineData("permessage-deflate,=", "malformed")]
    public void Client_fails_the_handshake_on_an_answer_that_is_none(string answer, string expected)
    {
        string? error = DeflateNegotiation.CheckAnswer(answer, s_all, out DeflateParameters? agreed);

        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Null(agreed);
    }

    [Theory]
    [InlineData("permessage-deflate; server_max_window_bits=12", "server_no_context_takeover")]
    [InlineData("permessage-deflate; server_no_context_takeover", "server_max_window_bits")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=13", "server_max_window_bits")]
    [InlineData("permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11", "client_max_window_bits")]
    public void Client_fails_the_handshake_on_an_answer_that_does_not_keep_to_its_offer(string answer, string expected)
    {
        string? error = DeflateNegotiation.CheckAnswer(answer, new DeflateParameters(12, 10, serverNoContextTakeover: true), out _);

        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_client_offers_a_server_grants_and_the_client_takes()
    {
        foreach (DeflateParameters wanted in All())
        {
            foreach (DeflateParameters allowed in All())
            {
                Assert.True(DeflateNegotiation.TryAccept(DeflateNegotiation.WriteOffer(wanted), allowed, out DeflateParameters agreed, out string answer));

                Assert.Null(DeflateNegotiation.CheckAnswer(answer, wanted, out DeflateParameters? taken));
                Assert.Equal(agreed, taken);
                Assert.Equal(Math.Min(wanted.ServerMaxWindowBits, allowed.ServerMaxWindowBits), agreed.ServerMaxWindowBits);
                Assert.Equal(Math.Min(wanted.ClientMaxWindowBits, allowed.ClientMaxWindowBits), agreed.ClientMaxWindowBits);
            }
        }
    }

    [Theory]
    [InlineData(7, 15)]
    [InlineData(15, 16)]
    [InlineData(0, 15)]
    public void Windows_that_there_are_not_are_refused(int server, int client)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DeflateParameters(server, client));
        Assert.Throws<ArgumentOutOfRangeException>(() => s_all with { ServerMaxWindowBits = server, ClientMaxWindowBits = client });
    }

    [Fact]
    public void Nothing_said_is_the_largest_windows_and_both_contexts() => Assert.Equal(new DeflateParameters(15, 15), default);

    private static IEnumerable<DeflateParameters> All() =>
        from server in Enumerable.Range(8, 8)
        from client in Enumerable.Range(8, 8)
        from flags in Enumerable.Range(0, 4)
        select new DeflateParameters(server, client, (flags & 1) != 0, (flags & 2) != 0);
}
