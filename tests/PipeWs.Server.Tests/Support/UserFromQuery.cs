using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace PipeWs.Server.Tests.Support;

/// <summary>Believes what the query says about who it is: <c>?user=ann</c>.</summary>
internal sealed class UserFromQuery(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    private const string SchemeName = "query";

    public static void AddTo(IServiceCollection services) =>
        services.AddAuthentication(SchemeName).AddScheme<AuthenticationSchemeOptions, UserFromQuery>(SchemeName, null);

    public static void Use(WebApplication app) => app.UseAuthentication();

    public static string Handshake(string user) => RawPeer.Handshake($"GET /ws?user={user} HTTP/1.1");

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
        Request.Query["user"] is [{ } user]
            ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, user)], SchemeName)), SchemeName))
            : AuthenticateResult.NoResult());
}
