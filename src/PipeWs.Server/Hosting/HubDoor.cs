using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Identity;
using PipeWs.Server.Limits;

namespace PipeWs.Server;

/// <summary>What the doors of one hub have in common: who is let in, and with what. A keyed singleton under the hub's name.</summary>
internal sealed class HubDoor
{
    /// <summary>503: Kestrel's limit on upgraded connections.</summary>
    public static readonly HandshakeRefusal UpgradeLimit = HandshakeRefusal.Unavailable("The server has as many upgraded connections as it allows (MaxConcurrentUpgradedConnections). Try again later.");

    private readonly UpgradedConnections _upgraded;
    private readonly LiveOptions _live;
    private readonly HubMetrics? _metrics;
    private OriginSet? _origins;

    public HubDoor(IServiceProvider services, string name)
    {
        Name = name;
        _live = services.GetRequiredKeyedService<LiveOptions>(name);
        Entrance = services.GetRequiredKeyedService<IHubEntrance>(name);
        LatencyMode = Options.LatencyMode;
        Clock = services.GetRequiredService<TimeProvider>();
        Logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("PipeWs.Server.Hosting");
        HubIdentity? identity = services.GetKeyedService<HubIdentity>(name);
        identity?.Start();
        Identity = identity is { IsActive: true } ? identity : null;
        if (Options.AllowsAnyOrigin)
        {
            IdentityLog.AnyOriginAllowed(Logger, name);
        }

        _upgraded = services.GetRequiredService<UpgradedConnections>();
        _metrics = services.GetService<HubMetrics>();
    }

    public string Name { get; }

    /// <summary>The options as they are now.</summary>
    public PipeWsOptions Options => _live.Current;

    /// <summary>As it was at the start, when the sockets beneath were told.</summary>
    public WsLatencyMode LatencyMode { get; }

    public IHubEntrance Entrance { get; }

    /// <summary>Who is let in; null where everybody is.</summary>
    public HubIdentity? Identity { get; }

    public TimeProvider Clock { get; }

    public ILogger Logger { get; }

    /// <summary>Finds a hub's door.</summary>
    /// <exception cref="InvalidOperationException">There is no such hub.</exception>
    public static HubDoor Get(IServiceProvider services, string name) =>
        services.GetKeyedService<HubDoor>(name) ?? throw new InvalidOperationException(name.Length == 0
            ? "There is no PipeWs hub: call services.AddPipeWs()."
            : $"There is no PipeWs hub named '{name}': call services.AddPipeWs(\"{name}\").");

    /// <summary>Judges a request, origin included.</summary>
    public HandshakeRefusal Check(HandshakeRequest request, bool isSecure, EndPoint? local)
    {
        HandshakeRefusal refusal = HandshakeRequestRules.Check(request);
        return refusal.IsRefused ? refusal : HandshakeRequestRules.CheckOrigin(request, Origins(), isSecure, local);
    }

    /// <summary>Agrees on compression, where the hub compresses and the client offers what it can grant.</summary>
    /// <returns>The answer's Sec-WebSocket-Extensions; null where messages stay plain.</returns>
    public string? AgreeOnCompression(HandshakeRequest request, out DeflateParameters? agreed)
    {
        agreed = null;
        if (Options.Compression is not { } compression
            || request.Extensions is not { } offers
            || !DeflateNegotiation.TryAccept(offers, compression.ToParameters(), out DeflateParameters parameters, out string answer, compression.ServerMinWindowBits))
        {
            return null;
        }

        agreed = parameters;
        return answer;
    }

    /// <summary>Judges who a request is from; <paramref name="user"/> is whom the application authenticated.</summary>
    public ValueTask<HandshakeIdentity> AuthenticateAsync(
        HandshakeRequest request, EndPoint? remote, bool isSecure, CancellationToken cancellationToken, ClaimsPrincipal? user = null, DateTimeOffset? expiresAt = null) =>
        Identity is { } identity
            ? identity.AuthenticateAsync(request, remote, isSecure, user, expiresAt, cancellationToken)
            : new(new HandshakeIdentity(default, user, expiresAt, AwaitsAuthentication: false, request.Query, request.Subprotocols));

    /// <summary>Judges who a request is from that came without HTTP. The connection's own end is asked for only where somebody is: a token costs memory for as long as the connection lives.</summary>
    public ValueTask<HandshakeIdentity> AuthenticateAsync(HandshakeRequest request, ConnectionContext connection, bool isSecure) =>
        AuthenticateAsync(request, connection.RemoteEndPoint, isSecure, Identity is null ? CancellationToken.None : connection.ConnectionClosed);

    /// <summary>Takes a place under every limit on connections, or says which is reached.</summary>
    public HandshakeRefusal TryAdmit(EndPoint? remote, out Admission admission)
    {
        admission = default;
        if (!_upgraded.TryEnter())
        {
            Entrance.CountUpgradeLimit();
            return UpgradeLimit;
        }

        if (!Entrance.TryReserve(remote, out IDisposable? place, out HandshakeRefusal refusal))
        {
            _upgraded.Leave();
            return refusal;
        }

        admission = new Admission(_upgraded, place);
        return default;
    }

    public void LogRefused(HandshakeRefusal refusal, string path, EndPoint? remote)
    {
        if (refusal == BearerChallenge.Gone)
        {
            LogLost(path, remote, null);
            return;
        }

        _metrics?.HandshakeRefused(Name, refusal.StatusCode);
        HostingLog.HandshakeRefused(Logger, LogText.Of(path), remote, refusal.StatusCode, refusal.Message);
    }

    /// <summary>The peer, or the transport, ended the connection while its handshake was judged.</summary>
    public void LogLost(string path, EndPoint? remote, Exception? error) => HostingLog.HandshakeLost(Logger, remote, LogText.Of(path), error);

    /// <summary>The rules of the present options.</summary>
    private OriginRules Origins()
    {
        PipeWsOptions options = Options;
        OriginSet? origins = Volatile.Read(ref _origins);
        if (origins?.Options != options)
        {
            origins = new OriginSet(options, new OriginRules(options.AllowedOrigins, options.AllowsAnyOrigin));
            Volatile.Write(ref _origins, origins);
        }

        return origins.Rules;
    }

    /// <summary>A place under the limits, to be given back once; none where it is the default.</summary>
    public readonly struct Admission(UpgradedConnections? upgraded, IDisposable? place) : IDisposable
    {
        /// <summary>The hub's part of it; null where nobody counts.</summary>
        public ConnectionPlace? Place => place as ConnectionPlace;

        /// <summary>Counts the connection as its user's, once it is known whose it is.</summary>
        /// <returns>The refusal of the identity, or where the user has as many connections as MaxConnectionsPerUser allows.</returns>
        public HandshakeRefusal Admit(HandshakeIdentity identity) =>
            identity.Refusal.IsRefused ? identity.Refusal : Place?.TrySetUser(AcceptedConnection.IdOf(identity.User)) ?? default;

        public void Dispose()
        {
            place?.Dispose();
            upgraded?.Leave();
        }
    }

    private sealed record OriginSet(PipeWsOptions Options, OriginRules Rules);
}
