using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Identity;

/// <summary>Who may use a hub, the same by every door: its authenticator and its policies. A keyed singleton under the hub's name.</summary>
internal sealed class HubIdentity
{
    private readonly IServiceProvider _services;
    private readonly Lazy<IConnectionAuthenticator>? _authenticator;
    private readonly AuthorizationPolicy[] _policies;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly string _name;
    private readonly string _subject;
    private long _refused;

    public HubIdentity(IServiceProvider services, string name)
    {
        HubRegistration registration = services.GetRequiredService<IOptionsMonitor<HubRegistration>>().Get(name);
        _name = name;
        _services = services;
        _clock = services.GetRequiredService<TimeProvider>();
        _logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("PipeWs.Server.Identity");
        _subject = name.Length == 0 ? "The PipeWs hub" : $"The PipeWs hub '{name}'";

        // Made when the doors open, and not here: the application's authenticator may ask for the hub, which asks for this.
        _authenticator = registration.CreateAuthenticator is { } create ? new(() => create(services)) : null;
        _policies = [.. registration.HubPolicies.Select(policy => RoutePolicies.Resolve(services, policy, _subject))];
        Options = services.GetRequiredService<IOptionsMonitor<PipeWsOptions>>().Get(name).Authentication;
        IsActive = HasAuthenticator || _policies.Length > 0 || registration.RequiresAuthentication;
        RequiresUser = HasAuthenticator ? Options.Mode != WsAuthenticationMode.Optional : registration.RequiresAuthentication;
    }

    public WsAuthenticationOptions Options { get; }

    /// <summary>Whether there is anything to ask.</summary>
    public bool IsActive { get; }

    [MemberNotNullWhen(true, nameof(_authenticator))]
    public bool HasAuthenticator => _authenticator is not null;

    /// <summary>Whether nobody can do anything without having said who he is.</summary>
    public bool RequiresUser { get; }

    /// <summary>How often somebody was refused, in a handshake or in a message.</summary>
    public long RefusedCount => Volatile.Read(ref _refused);

    /// <summary>What the hub's policies ask of a user.</summary>
    public IEnumerable<IAuthorizationRequirement> Requirements => _policies.SelectMany(static policy => policy.Requirements);

    /// <summary>Makes the authenticator: what is wrong with it is found when the application starts.</summary>
    /// <exception cref="InvalidOperationException">It is not set up as it must be.</exception>
    public void Start()
    {
        if (_authenticator?.Value is JwtAuthenticator or StaticTokenAuthenticator && Options is { Mode: WsAuthenticationMode.Required, TokenSources: WsTokenSources.None })
        {
            throw new InvalidOperationException($"{_subject} needs a token at the handshake (Authentication.Mode is Required) and looks for it nowhere (Authentication.TokenSources is None).");
        }
    }

    /// <summary>Judges who a handshake is from.</summary>
    /// <param name="request">The handshake.</param>
    /// <param name="remote">The peer's address.</param>
    /// <param name="isSecure">Whether the connection is TLS.</param>
    /// <param name="applicationUser">Whom the application authenticated, where a door has that; else null.</param>
    /// <param name="expiresAt">When the application's authentication ends.</param>
    /// <param name="cancellationToken">Fires when the peer has gone.</param>
    public async ValueTask<HandshakeIdentity> AuthenticateAsync(
        HandshakeRequest request, EndPoint? remote, bool isSecure, ClaimsPrincipal? applicationUser, DateTimeOffset? expiresAt, CancellationToken cancellationToken)
    {
        var given = HasAuthenticator ? TokenReader.Read(request, Options) : new GivenToken(null, request.Query, request.Subprotocols, default);
        if (given.Refusal.IsRefused)
        {
            return Refuse(given.Refusal);
        }

        var question = new WsAuthenticationRequest
        {
            Token = given.Token,
            Path = request.Path,
            Query = given.Query,
            Subprotocols = given.Subprotocols,
            Authorization = request.Authorization,
            Origin = request.Origin,
            RemoteEndPoint = remote,
            IsSecure = isSecure,
        };
        ClaimsPrincipal? user = applicationUser is { Identity.IsAuthenticated: true } ? applicationUser : null;
        bool awaits = false;
        if (user is null)
        {
            (WsAuthenticationResult result, HandshakeRefusal refusal) = await AskAsync(question, cancellationToken);
            if (refusal.IsRefused)
            {
                return Refuse(refusal);
            }

            (user, expiresAt) = (result.User, result.ExpiresAt);
            awaits = user is null && Options.Mode == WsAuthenticationMode.FirstMessage && HasAuthenticator;
            if (user is null && !awaits && RequiresUser)
            {
                return Refuse(BearerChallenge.NoToken);
            }
        }

        HandshakeRefusal forbidden = awaits ? default : await CheckPoliciesAsync(user, question, cancellationToken);
        return forbidden.IsRefused ? Refuse(forbidden) : new HandshakeIdentity(default, user ?? applicationUser, expiresAt, awaits, given.Query, given.Subprotocols);
    }

    /// <summary>Asks the authenticator, and turns all that it may do into a result or a refusal.</summary>
    public async ValueTask<(WsAuthenticationResult Result, HandshakeRefusal Refusal)> AskAsync(WsAuthenticationRequest request, CancellationToken cancellationToken)
    {
        if (!HasAuthenticator)
        {
            return (WsAuthenticationResult.NoCredentials, default);
        }

        if (request.Token is { Length: > TokenReader.MaxTokenChars })
        {
            return (WsAuthenticationResult.NoCredentials, BearerChallenge.Refused("The token is too long.", null));
        }

        using CancellationTokenSource patience = BeginPatience(cancellationToken, out CancellationTokenRegistration gone);
        using CancellationTokenRegistration whileAsked = gone;
        try
        {
            ValueTask<WsAuthenticationResult> asked = _authenticator.Value.AuthenticateAsync(request, patience.Token);
            WsAuthenticationResult result = asked.IsCompletedSuccessfully ? asked.Result : await asked.AsTask().WaitAsync(patience.Token);
            return (result, result.Reason is { } reason ? BearerChallenge.Refused(reason, request.Token) : default);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                return (WsAuthenticationResult.NoCredentials, BearerChallenge.Gone);
            }

            IdentityLog.AuthenticatorTimedOut(_logger, _name, Options.Timeout, LogText.Of(request.Path), request.RemoteEndPoint);
            return (WsAuthenticationResult.NoCredentials, BearerChallenge.TookTooLong);
        }
        catch (Exception exception)
        {
            IdentityLog.AuthenticatorFailed(_logger, _name, LogText.Of(request.Path), request.RemoteEndPoint, WithoutToken(exception, request.Token));
            return (WsAuthenticationResult.NoCredentials, BearerChallenge.Failed);
        }
    }

    /// <summary>Whether the hub's policies let a user in, and what refuses him where they do not, or do not say so.</summary>
    public async ValueTask<HandshakeRefusal> CheckPoliciesAsync(ClaimsPrincipal? user, WsAuthenticationRequest request, CancellationToken cancellationToken)
    {
        if (_policies.Length == 0)
        {
            return default;
        }

        using CancellationTokenSource patience = BeginPatience(cancellationToken, out CancellationTokenRegistration gone);
        using CancellationTokenRegistration whileAsked = gone;
        try
        {
            ValueTask<bool> asked = AreMetAsync(user ?? new ClaimsPrincipal(new ClaimsIdentity()), request);
            bool isAllowed = asked.IsCompletedSuccessfully ? asked.Result : await asked.AsTask().WaitAsync(patience.Token);
            return isAllowed ? default : user is null ? BearerChallenge.NoToken : BearerChallenge.Forbidden;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                return BearerChallenge.Gone;
            }

            IdentityLog.PoliciesTimedOut(_logger, _name, Options.Timeout, LogText.Of(request.Path), request.RemoteEndPoint);
            return BearerChallenge.TookTooLong;
        }
        catch (Exception exception)
        {
            IdentityLog.PoliciesFailed(_logger, _name, LogText.Of(request.Path), request.RemoteEndPoint, WithoutToken(exception, request.Token));
            return BearerChallenge.Failed;
        }
    }

    /// <summary>Counts who was refused for what he said of who he is, or did not say.</summary>
    public void CountRefused() => Interlocked.Increment(ref _refused);

    private async ValueTask<bool> AreMetAsync(ClaimsPrincipal user, WsAuthenticationRequest request)
    {
        foreach (AuthorizationPolicy policy in _policies)
        {
            if (!await RoutePolicies.IsAllowedAsync(_services, user, request, policy))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>How long the application's code has to judge somebody, unless he goes first.</summary>
    private CancellationTokenSource BeginPatience(CancellationToken cancellationToken, out CancellationTokenRegistration gone)
    {
        var patience = new CancellationTokenSource(Options.Timeout, _clock);
        gone = cancellationToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), patience);
        return patience;
    }

    private static Exception WithoutToken(Exception exception, string? token) =>
        token is not null && exception.ToString().Contains(token, StringComparison.OrdinalIgnoreCase)
            ? new InvalidOperationException($"{exception.GetType()}: what it says holds the token, and is left out.")
            : exception;

    private HandshakeIdentity Refuse(HandshakeRefusal refusal)
    {
        if (refusal != BearerChallenge.Gone)
        {
            CountRefused();
        }

        return new(refusal, null, null, false, "", null);
    }
}
