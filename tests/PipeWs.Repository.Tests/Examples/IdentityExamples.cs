using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's guide to identity, compiled.</summary>
internal static class IdentityExamples
{
    internal static void Jwt(IServiceCollection services, RSA issuerKey)
    {
        services.AddPipeWs()
            .UseJwtBearer(jwt =>
            {
                jwt.Keys.Add(WsJwtKey.Rsa(issuerKey, "RS256"));
                jwt.ValidIssuers.Add("https://login.example.com");
                jwt.ValidAudiences.Add("desk");
            });
    }

    internal static void Static(IServiceCollection services, string reporterToken)
    {
        services.AddPipeWs()
            .UseStaticTokens(new Dictionary<string, string> { [reporterToken] = "reporter" });
    }

    internal static void Custom(IServiceCollection services, IReadOnlyDictionary<string, string> sessions)
    {
        services.AddPipeWs()
            .UseAuthenticator((request, cancellationToken) =>
            {
                if (request.Token is null)
                {
                    return new(WsAuthenticationResult.NoCredentials);
                }

                return new(sessions.TryGetValue(request.Token, out var user)
                    ? WsAuthenticationResult.Success(new ClaimsPrincipal(new ClaimsIdentity([new Claim("sub", user)], "Session")), DateTimeOffset.UtcNow.AddHours(1))
                    : WsAuthenticationResult.Refuse("The session is over."));
            });
    }

    internal static void FirstMessage(IServiceCollection services)
    {
        services.AddPipeWs(options =>
        {
            options.Authentication.Mode = WsAuthenticationMode.FirstMessage;
            options.Authentication.TokenSources = WsTokenSources.AuthorizationHeader | WsTokenSources.Subprotocol;
        });
    }

    internal static void Policies(IServiceCollection services)
    {
        services.AddAuthorizationBuilder()
            .AddPolicy("traders", policy => policy.RequireRole("trader"))
            .AddPolicy("owner", policy => policy.RequireAssertion(context =>
                context.Resource is WsRoomAccess access && access.Room == $"inbox:{access.Connection.UserId}"));

        services.AddPipeWs()
            .RequireAuthorization("traders")
            .ConfigureRooms("inbox:*", room => room.RequireAuthorization("owner"));
    }

    internal static void Origins(IServiceCollection services)
    {
        services.AddPipeWs(options => options.AllowedOrigins.Add("https://www.example.com"));
    }
}
