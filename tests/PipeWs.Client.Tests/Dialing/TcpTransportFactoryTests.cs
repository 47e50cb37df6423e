using System.Net;
using System.Net.Sockets;
using PipeWs.Client.Dialing;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Dialing;

/// <summary>RFC 8305: a host with several addresses.</summary>
public sealed class TcpTransportFactoryTests
{
    private static readonly IPAddress[] s_addresses = [IPAddress.Parse("2001:db8::1"), IPAddress.Parse("2001:db8::2"), IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")];

    private readonly ManualTimeProvider _clock = new();
    private readonly Dictionary<string, TaskCompletionSource<Socket>> _attempts = [];
    private readonly List<string> _order = [];
    private readonly List<CancellationToken> _tokens = [];

    [Fact]
    public void The_families_take_turns_beginning_with_the_first()
    {
        Assert.Equal(
            ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"],
            TcpTransportFactory.Interleave(s_addresses).Select(address => address.ToString()));
        Assert.Equal(["192.0.2.1"], TcpTransportFactory.Interleave([s_addresses[2]]).Select(address => address.ToString()));
    }

    [Fact]
    public async Task The_next_attempt_begins_after_a_quarter_of_a_second_and_the_first_that_succeeds_wins()
    {
        Task<WsTransport> connecting = CreateFactory().ConnectAsync(new DnsEndPoint("host.test", 80), default).AsTask();
        await UntilAttemptsAsync(1);
        _clock.Advance(TcpTransportFactory.AttemptDelay - TimeSpan.FromMilliseconds(1));
        Assert.Equal(["2001:db8::1"], Order());
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await UntilAttemptsAsync(2);
        Assert.Equal(["2001:db8::1", "192.0.2.1"], Order());

        (Socket winner, Socket loser) = (await PairAsync(), await PairAsync());
        _attempts["192.0.2.1"].SetResult(winner);
        WsTransport transport = await connecting.Soon();

        Assert.All(_tokens, token => Assert.True(token.IsCancellationRequested));

        // One that succeeds too late is closed.
        _attempts["2001:db8::1"].SetResult(loser);
        await Conditions.UntilAsync(() => loser.SafeHandle.IsClosed, "the loser is closed");
        Assert.False(winner.SafeHandle.IsClosed);
        await transport.Stream!.DisposeAsync();
    }

    [Fact]
    public async Task The_next_attempt_begins_at_once_where_one_failed()
    {
        Task<WsTransport> connecting = CreateFactory().ConnectAsync(new DnsEndPoint("host.test", 80), default).AsTask();
        foreach (string address in (string[])["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"])
        {
            await Conditions.UntilAsync(() => Order().Contains(address), address);
            _attempts[address].SetException(new SocketException((int)SocketError.ConnectionRefused));
        }

        var error = await Assert.ThrowsAsync<WsDialException>(() => connecting.Soon());
        Assert.Contains("any of the 4 addresses of host.test:80", error.Message, StringComparison.Ordinal);
        Assert.Equal(4, Assert.IsType<AggregateException>(error.InnerException).InnerExceptions.Count);
    }

    [Fact]
    public async Task A_cancelled_dial_cancels_its_attempts()
    {
        using var cancellation = new CancellationTokenSource();
        Task<WsTransport> connecting = CreateFactory().ConnectAsync(new DnsEndPoint("host.test", 80), cancellation.Token).AsTask();
        await UntilAttemptsAsync(1);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.Soon());
        Assert.All(_tokens, token => Assert.True(token.IsCancellationRequested));
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_said()
    {
        var factory = new TcpTransportFactory(_clock) { Resolve = static (_, _) => throw new SocketException((int)SocketError.HostNotFound) };

        var error = await Assert.ThrowsAsync<WsDialException>(() => factory.ConnectAsync(new DnsEndPoint("nowhere.test", 80), default).AsTask());
        Assert.Contains("nowhere.test could not be resolved", error.Message, StringComparison.Ordinal);
    }

    private TcpTransportFactory CreateFactory() => new(_clock)
    {
        Resolve = static (_, _) => Task.FromResult(s_addresses),
        Connect = (endpoint, token) =>
        {
            lock (_order)
            {
                var attempt = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
                _attempts[endpoint.Address.ToString()] = attempt;
                _order.Add(endpoint.Address.ToString());
                _tokens.Add(token);
                token.Register(() => _ = token.IsCancellationRequested && endpoint.Address != s_addresses[0] && attempt.TrySetCanceled(token));
                return attempt.Task.WaitAsync(endpoint.Address.Equals(s_addresses[0]) ? CancellationToken.None : token);
            }
        },
    };

    private string[] Order()
    {
        lock (_order)
        {
            return [.. _order];
        }
    }

    private Task UntilAttemptsAsync(int count) => Conditions.UntilAsync(() => Order().Length == count && (count == 4 || _clock.WaitingTimers > 0), $"{count} attempts");

    private static async Task<Socket> PairAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint);
        return socket;
    }
}
