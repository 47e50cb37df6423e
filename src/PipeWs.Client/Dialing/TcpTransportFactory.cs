using System.Net;
using System.Net.Sockets;

namespace PipeWs.Client.Dialing;

/// <summary>
/// Connects over TCP. Of a host with several addresses the families take turns, each attempt begins a little after the one before or at once where that failed,
/// and the first that succeeds wins. RFC 8305, "Happy Eyeballs".
/// </summary>
internal sealed class TcpTransportFactory(TimeProvider timeProvider) : IWsTransportFactory
{
    /// <summary>"Connection Attempt Delay ... recommended value is 250 milliseconds." RFC 8305, section 5.</summary>
    internal static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Resolves a name; replaced by tests.</summary>
    internal Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } = static (host, cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken);

    /// <summary>Connects to one address; replaced by tests.</summary>
    internal Func<IPEndPoint, CancellationToken, Task<Socket>> Connect { get; init; } = ConnectSocketAsync;

    public async ValueTask<WsTransport> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
    {
        IPAddress[] addresses;
        if (IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out IPAddress? literal))
        {
            addresses = [literal];
        }
        else
        {
            try
            {
                addresses = await Resolve(endpoint.Host, cancellationToken);
            }
            catch (SocketException e)
            {
                throw new WsDialException($"The name {endpoint.Host} could not be resolved: {e.Message}", e);
            }
        }

        if (addresses.Length == 0)
        {
            throw new WsDialException($"The name {endpoint.Host} has no addresses.");
        }

        Socket socket = await RaceAsync(Interleave(addresses), endpoint, cancellationToken);
        return new WsTransport(new NetworkStream(socket, ownsSocket: true)) { RemoteEndPoint = Describe(socket) };
    }

    /// <summary>The addresses in the order in which they are tried: as they were given, but the families take turns. RFC 8305, section 4.</summary>
    internal static List<IPAddress> Interleave(IReadOnlyList<IPAddress> addresses)
    {
        AddressFamily first = addresses[0].AddressFamily;
        var same = new Queue<IPAddress>(addresses.Where(address => address.AddressFamily == first));
        var other = new Queue<IPAddress>(addresses.Where(address => address.AddressFamily != first));
        var ordered = new List<IPAddress>(addresses.Count);
        while (same.Count + other.Count > 0)
        {
            if (same.TryDequeue(out IPAddress? address))
            {
                ordered.Add(address);
            }

            if (other.TryDequeue(out address))
            {
                ordered.Add(address);
            }
        }

        return ordered;
    }

    private static async Task<Socket> ConnectSocketAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken);
            return socket;
        }
        catch (Exception)
        {
            socket.Dispose();
            throw;
        }
    }

    private static string? Describe(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint?.ToString();
        }
        catch (SocketException)
        {
            // The other end is gone already; what is done with the socket will say so.
            return null;
        }
    }

    private async Task<Socket> RaceAsync(List<IPAddress> addresses, DnsEndPoint endpoint, CancellationToken cancellationToken)
    {
        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempts = new List<Task<Socket>>();
        var errors = new List<Exception>();
        Socket? winner = null;
        int next = 0;
        try
        {
            while (winner is null && (next < addresses.Count || attempts.Count > 0))
            {
                Task? delay = null;
                if (next < addresses.Count)
                {
                    attempts.Add(Connect(new IPEndPoint(addresses[next++], endpoint.Port), losers.Token));
                    delay = next < addresses.Count ? Task.Delay(AttemptDelay, timeProvider, losers.Token) : null;
                }

                Task ended = await Task.WhenAny(delay is null ? attempts : [.. attempts, delay]);
                if (ended == delay)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    continue;
                }

                var attempt = (Task<Socket>)ended;
                attempts.Remove(attempt);
                try
                {
                    winner = await attempt;
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    errors.Add(e);
                }
            }
        }
        finally
        {
            await losers.CancelAsync();
            foreach (Task<Socket> attempt in attempts)
            {
                _ = CloseLoserAsync(attempt);
            }
        }

        if (winner is not null)
        {
            return winner;
        }

        string where = $"{endpoint.Host}:{endpoint.Port}";
        throw addresses.Count == 1
            ? new WsDialException($"No connection to {where}: {errors[0].Message}", errors[0])
            : new WsDialException($"No connection to any of the {addresses.Count} addresses of {where}: {errors[^1].Message}", new AggregateException(errors));
    }

    private static async Task CloseLoserAsync(Task<Socket> attempt)
    {
        try
        {
            (await attempt).Dispose();
        }
        catch (Exception)
        {
            // It lost either way.
        }
    }
}
