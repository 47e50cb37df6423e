using System.Diagnostics.CodeAnalysis;
using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using PipeWs.Server.Identity;
using PipeWs.Server.Routing;

namespace PipeWs.Server;

/// <summary>Who may use a hub. A hub has one authenticator at most; see <see cref="PipeWsOptions.Authentication"/> for when and where it is asked.</summary>
public static class PipeWsBuilderIdentityExtensions
{
    /// <summary>
    /// Takes JSON Web Tokens (RFC 7519, RFC 8725). Keys, issuers and audiences must be given; a token must have an expiry, and its connection is closed with 3005 then.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="configure">Sets which tokens are taken. What is missing is found when the application starts.</param>
    public static IPipeWsBuilder UseJwtBearer(this IPipeWsBuilder builder, Action<WsJwtOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return builder.UseJwtBearer((options, _) => configure(options));
    }

    /// <inheritdoc cref="UseJwtBearer(IPipeWsBuilder, Action{WsJwtOptions})"/>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="configure">Sets which tokens are taken, with the application's services: for keys that come from one of them.</param>
    public static IPipeWsBuilder UseJwtBearer(this IPipeWsBuilder builder, Action<WsJwtOptions, IServiceProvider> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return builder.UseAuthenticator(provider =>
        {
            var options = new WsJwtOptions();
            configure(options, provider);
            return new JwtAuthenticator(options, builder.Name, provider.GetRequiredService<TimeProvider>());
        });
    }

    /// <summary>Takes tokens from a list, which does not change: for services that know each other, and for tests.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="users">The user of each token, an authenticated principal.</param>
    /// <exception cref="ArgumentException">A token is empty, or a principal not authenticated.</exception>
    public static IPipeWsBuilder UseStaticTokens(this IPipeWsBuilder builder, IReadOnlyDictionary<string, ClaimsPrincipal> users)
    {
        ArgumentNullException.ThrowIfNull(users);
        if (users.Keys.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A token is not empty.", nameof(users));
        }

        var authenticator = new StaticTokenAuthenticator(users);
        return builder.UseAuthenticator(_ => authenticator);
    }

    /// <summary>Takes tokens from a list; each stands for the user with this id.</summary>
    /// <inheritdoc cref="UseStaticTokens(IPipeWsBuilder, IReadOnlyDictionary{string, ClaimsPrincipal})"/>
    public static IPipeWsBuilder UseStaticTokens(this IPipeWsBuilder builder, IReadOnlyDictionary<string, string> users)
    {
        ArgumentNullException.ThrowIfNull(users);
        return builder.UseStaticTokens(users.ToDictionary(
            static user => user.Key,
            static user => new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, user.Value), new Claim(ClaimTypes.Name, user.Value)], "Token")),
            StringComparer.Ordinal));
    }

    /// <summary>Asks a delegate who a connection is; see <see cref="IConnectionAuthenticator.AuthenticateAsync"/>.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="authenticate">Safe from any thread.</param>
    public static IPipeWsBuilder UseAuthenticator(this IPipeWsBuilder builder, Func<WsAuthenticationRequest, CancellationToken, ValueTask<WsAuthenticationResult>> authenticate)
    {
        ArgumentNullException.ThrowIfNull(authenticate);
        return builder.UseAuthenticator(_ => new DelegateAuthenticator(authenticate));
    }

    /// <summary>Asks a service of the application's, a singleton, who a connection is. It is registered unless it is already.</summary>
    /// <typeparam name="T">The service.</typeparam>
    /// <param name="builder">The hub's builder.</param>
    public static IPipeWsBuilder UseAuthenticator<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IPipeWsBuilder builder)
        where T : class, IConnectionAuthenticator
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<T>();
        return builder.UseAuthenticator(static provider => provider.GetRequiredService<T>());
    }

    /// <summary>
    /// Lets nobody in at the handshake who is not authenticated: 401. A hub with an authenticator does that by itself; this is for one whose connections the application authenticates
    /// (<c>MapPipeWs</c> behind <c>UseAuthentication</c>). A hub without an authenticator cannot have a fast or a handler door then: the application does not start.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    public static IPipeWsBuilder RequireAuthentication(this IPipeWsBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure<PipeWsOptions>(builder.Name, static options => options.Authentication.Mode = WsAuthenticationMode.Required);
        return builder.Register(static registration => registration.RequiresAuthentication = true);
    }

    /// <summary>
    /// Lets only users in who meet the application's policies, on every door: 403 otherwise, 401 where nobody was authenticated. Where the token comes in a message, an error 403 instead.
    /// The policies' handlers get the <see cref="WsAuthenticationRequest"/>; their authentication schemes do not count.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="policyNames">The policies' names; none for the default policy. One that there is not is found when the application starts.</param>
    public static IPipeWsBuilder RequireAuthorization(this IPipeWsBuilder builder, params string[] policyNames)
    {
        ArgumentNullException.ThrowIfNull(policyNames);
        return builder.AddPolicies(policyNames.Length == 0 ? [PolicyReference.Default] : [.. policyNames.Select(static name => new PolicyReference(name))]);
    }

    /// <inheritdoc cref="RequireAuthorization(IPipeWsBuilder, string[])"/>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="policy">The policy.</param>
    public static IPipeWsBuilder RequireAuthorization(this IPipeWsBuilder builder, AuthorizationPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return builder.AddPolicies([new PolicyReference(Policy: policy)]);
    }

    private static IPipeWsBuilder AddPolicies(this IPipeWsBuilder builder, PolicyReference[] policies)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddAuthorization();
        return builder.Register(registration => registration.HubPolicies.AddRange(policies));
    }

    private static IPipeWsBuilder UseAuthenticator(this IPipeWsBuilder builder, Func<IServiceProvider, IConnectionAuthenticator> create) =>
        builder.Register(registration => registration.CreateAuthenticator = registration.CreateAuthenticator is null
            ? create
            : throw new InvalidOperationException("The hub has an authenticator already: there is one at most."));

    private static IPipeWsBuilder Register(this IPipeWsBuilder builder, Action<HubRegistration> register)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure(builder.Name, register);
        return builder;
    }
}
