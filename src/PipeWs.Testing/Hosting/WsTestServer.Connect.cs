using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;
using PipeWs.Server;
using PipeWs.Server.Identity;

namespace PipeWs.Testing;

// Connecting: through the fast door's code, or past the handshake.
public sealed partial class WsTestServer
{
    /// <summary>Connects to a hub.</summary>
    /// <param name="options">Who connects, and how; null for nobody in particular, at <c>/ws</c>.</param>
    /// <param name="cancellationToken">Gives up waiting for the answer.</param>
    /// <returns>The peer: it owns the connection, and disposing of it drops it.</returns>
    /// <exception cref="WsHandshakeRefusedException">The handshake was refused; its answer is in the exception. See <see cref="HandshakeAsync"/>.</exception>
    public async Task<WsTestPeer> ConnectAsync(WsTestConnectOptions? options = null, CancellationToken cancellationToken = default)
    {
        WsHandshakeAnswer answer = await HandshakeAsync(options, cancellationToken);
        return answer.Peer ?? throw new WsHandshakeRefusedException(answer, _network.DescribeLog());
    }

    /// <summary>Connects to a hub as a user, as from a mapped door whose application authenticated him.</summary>
    /// <param name="userId">The user's id (<see cref="IWsConnection.UserId"/>).</param>
    /// <param name="cancellationToken">Gives up waiting for the answer.</param>
    /// <exception cref="WsHandshakeRefusedException">A limit on connections is reached, or the hub's authorization policies do not let him in.</exception>
    public Task<WsTestPeer> ConnectAsync(string userId, CancellationToken cancellationToken = default) =>
        ConnectAsync(new WsTestConnectOptions { UserId = userId }, cancellationToken);

    /// <summary>Asks to connect to a hub, and gives the answer whatever it is.</summary>
    /// <param name="options">Who connects, and how; null for nobody in particular, at <c>/ws</c>.</param>
    /// <param name="cancellationToken">Gives up waiting for the answer.</param>
    /// <returns>The answer, with the peer where it was accepted.</returns>
    /// <exception cref="WsAssertionException">No answer came in time, or none that is HTTP.</exception>
    public async Task<WsHandshakeAnswer> HandshakeAsync(WsTestConnectOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new WsTestConnectOptions();
        HubDoor door = HubDoor.Get(Services, options.Hub);
        MemoryLink link = _network.Connect(GetHub(options.Hub), options.Address, options.IsSecure, options.WindowBytes);
        WsHandshakeAnswer answer = options.IsPastHandshake ? await EnterAsync(door, link, options, cancellationToken) : await AskAsync(door, link, options, cancellationToken);
        if (answer.Peer is { } peer)
        {
            lock (_gate)
            {
                _peers.Add(peer);
            }

            // Until then the hub may not list it, and its welcome may be under way.
            await WaitUntilIdleAsync();
            _ = link.Connection;
        }

        return answer;
    }

    private CancellationToken Stopping => Services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None;

    private async Task<WsHandshakeAnswer> EnterAsync(HubDoor door, MemoryLink link, WsTestConnectOptions options, CancellationToken cancellationToken)
    {
        HandshakeRefusal refusal = door.TryAdmit(link.RemoteEndPoint, out HubDoor.Admission admission);
        bool isServed = false;
        try
        {
            if (!refusal.IsRefused)
            {
                refusal = admission.Admit(await JudgeAsync(door, link, options, cancellationToken));
            }

            if (refusal.IsRefused)
            {
                door.LogRefused(refusal, options.Path, link.RemoteEndPoint);
                return Refused(refusal);
            }

            WsHandshakeAnswer answer = Serve(door, link, options, admission);
            isServed = true;
            return answer;
        }
        finally
        {
            if (!isServed)
            {
                admission.Dispose();

                // Nobody will ever serve it, and nobody is to wait for that.
                link.Serve(static () => Task.CompletedTask);
            }
        }
    }

    // What the mapped door asks of whom the application authenticated. Of nobody, who is past the handshake, nothing is asked.
    private static async Task<HandshakeIdentity> JudgeAsync(HubDoor door, MemoryLink link, WsTestConnectOptions options, CancellationToken cancellationToken)
    {
        var identity = new HandshakeIdentity(default, options.Principal, null, AwaitsAuthentication: false, options.QueryWithMark, SubprotocolsOf(options));
        if (options.Principal is not { } user || door.Identity is not { } rules)
        {
            return identity;
        }

        var question = new WsAuthenticationRequest
        {
            Path = options.Path,
            Query = options.QueryWithMark,
            Subprotocols = SubprotocolsOf(options),
            Authorization = options.BearerToken is { } token ? $"Bearer {token}" : null,
            Origin = options.Origin,
            RemoteEndPoint = link.RemoteEndPoint,
            IsSecure = options.IsSecure,
        };
        Task<HandshakeRefusal> judged = rules.CheckPoliciesAsync(user.Identity is { IsAuthenticated: true } ? user : null, question, CancellationToken.None).AsTask();
        HandshakeRefusal refusal;
        try
        {
            refusal = await judged.WaitAsync(options.Patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw NoAnswer(link, options);
        }

        if (refusal.IsRefused)
        {
            rules.CountRefused();
        }

        return identity with { Refusal = refusal };
    }

    private static WsHandshakeAnswer Refused(HandshakeRefusal refusal)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { ["Connection"] = "close" };
        if (refusal.HeaderName is { } name)
        {
            headers[name] = refusal.HeaderValue!;
        }

        return new WsHandshakeAnswer(refusal.StatusCode, "", headers, refusal.Message);
    }

    private static string? SubprotocolsOf(WsTestConnectOptions options) => options.Subprotocols.Count == 0 ? null : string.Join(", ", options.Subprotocols);

    private static WsAssertionException NoAnswer(MemoryLink link, WsTestConnectOptions options) =>
        new($"No answer to the handshake came within {options.Patience}.\n{link.Describe()}");

    private WsHandshakeAnswer Serve(HubDoor door, MemoryLink link, WsTestConnectOptions options, HubDoor.Admission admission)
    {
        string? subprotocol = SubprotocolNegotiator.Select(SubprotocolsOf(options), door.Options.Subprotocols);
        string? extensions = null;
        DeflateParameters? compression = null;
        if (options.Compression is { } wanted && door.Options.Compression is { } granting
            && DeflateNegotiation.TryAccept(DeflateNegotiation.WriteOffer(wanted.ToParameters()), granting.ToParameters(), out DeflateParameters agreed, out extensions, granting.ServerMinWindowBits))
        {
            compression = agreed;
        }

        var accepted = new AcceptedConnection(link.AbortByServer)
        {
            Transport = link.Server,
            Path = options.Path,
            Query = options.QueryWithMark,
            Subprotocol = subprotocol,
            Compression = compression,
            RemoteEndPoint = link.RemoteEndPoint,
            LocalEndPoint = link.LocalEndPoint,
            User = options.Principal,
            Place = admission.Place,
            IsSecure = options.IsSecure,
            TransportClosed = link.Closed,
            CloseRequested = Stopping,
        };
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (subprotocol is not null)
        {
            headers["Sec-WebSocket-Protocol"] = subprotocol;
        }

        if (compression is not null)
        {
            headers["Sec-WebSocket-Extensions"] = extensions!;
        }

        var peer = new WsTestPeer(link, WsRole.Client, options, compression);
        link.Serve(async () =>
        {
            using (admission)
            {
                try
                {
                    await door.Entrance.RunAsync(accepted);
                }
                finally
                {
                    accepted.End();
                }
            }
        });
        return new WsHandshakeAnswer(101, "Switching Protocols", headers, "") { Peer = peer };
    }

    private async Task<WsHandshakeAnswer> AskAsync(HubDoor door, MemoryLink link, WsTestConnectOptions options, CancellationToken cancellationToken)
    {
        var fastDoor = new FastDoor(new HandshakePaths(options.Path), door, RefuseAsync);
        var context = new MemoryConnectionContext(link, options.IsSecure, Stopping);
        link.Serve(() => fastDoor.OnConnectionAsync(context));
        await link.Output.WriteAsync(options.Request is null ? WriteRequest(options) : Encoding.Latin1.GetBytes(options.Request), cancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.Patience);
        try
        {
            WsHandshakeAnswer answer = await HttpHead.ReadAnswerAsync(link.Input, patience.Token);
            return answer.StatusCode == 101 ? answer with { Peer = new WsTestPeer(link, WsRole.Client, options, AgreedOn(options, answer)) } : answer;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw NoAnswer(link, options);
        }
    }

    private static DeflateParameters? AgreedOn(WsTestConnectOptions options, WsHandshakeAnswer answer)
    {
        if (options.Compression is not { } wanted)
        {
            return null;
        }

        string? error = DeflateNegotiation.CheckAnswer(answer.Headers.GetValueOrDefault("Sec-WebSocket-Extensions"), wanted.ToParameters(), out DeflateParameters? agreed);
        return error is null ? agreed : throw new WsAssertionException(error);
    }

    // What Kestrel would do with what is no handshake is Kestrel's; here there is no HTTP beneath.
    private static async Task RefuseAsync(ConnectionContext connection)
    {
        await connection.Transport.Output.WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 42\r\nConnection: close\r\n\r\nNo WebSocket handshake: it would go to HTTP"u8.ToArray());
        await connection.Transport.Output.CompleteAsync();
    }

    private static ReadOnlyMemory<byte> WriteRequest(WsTestConnectOptions options)
    {
        var request = new ArrayBufferWriter<byte>(512);
        Span<byte> key = stackalloc byte[WebSocketKey.Length];
        WebSocketKey.Generate(key);
        IEnumerable<KeyValuePair<string, string>> headers = options.Headers;
        if (options.BearerToken is { } token)
        {
            headers = headers.Append(new KeyValuePair<string, string>("Authorization", $"Bearer {token}"));
        }

        HandshakeRequestWriter.Write(
            request,
            new HandshakeOffer
            {
                Target = options.Path + options.QueryWithMark,
                Host = "localhost",
                Subprotocols = [.. options.Subprotocols],
                Extensions = options.Compression is { } compression ? DeflateNegotiation.WriteOffer(compression.ToParameters()) : null,
                Origin = options.Origin,
                Headers = [.. headers],
            },
            key);
        return request.WrittenMemory;
    }
}
