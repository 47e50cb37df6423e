using System.Security.Claims;
using PipeWs.Server.Identity;

namespace PipeWs.Server.Tests.Identity;

public sealed class StaticTokenAuthenticatorTests
{
    private static readonly Dictionary<string, ClaimsPrincipal> s_users = new(StringComparer.Ordinal)
    {
        ["first-token"] = User("ann"),
        ["second-token"] = User("bob"),
    };

    [Theory]
    [InlineData("first-token", "ann")]
    [InlineData("second-token", "bob")]
    [InlineData("first-toke", null)]
    [InlineData("first-token ", null)]
    [InlineData("FIRST-TOKEN", null)]
    [InlineData("first-tokem", null)]
    [InlineData("", null)]
    public async Task A_token_is_known_only_whole(string token, string? user)
    {
        var authenticator = new StaticTokenAuthenticator(s_users);

        WsAuthenticationResult result = await authenticator.AuthenticateAsync(new WsAuthenticationRequest { Token = token, Path = "/ws" }, CancellationToken.None);

        Assert.Equal(user, AcceptedConnection.IdOf(result.User));
        Assert.Equal(user is null ? "The token is not known." : null, result.Reason);
        Assert.Null(result.ExpiresAt);
    }

    [Fact]
    public async Task No_token_is_no_credentials()
    {
        var authenticator = new StaticTokenAuthenticator(s_users);

        Assert.Same(WsAuthenticationResult.NoCredentials, await authenticator.AuthenticateAsync(new WsAuthenticationRequest { Path = "/ws" }, CancellationToken.None));
    }

    [Fact]
    public void A_principal_that_is_not_authenticated_is_refused() =>
        Assert.Throws<ArgumentException>(() => new StaticTokenAuthenticator(new Dictionary<string, ClaimsPrincipal> { ["t"] = new(new ClaimsIdentity()) }));

    private static ClaimsPrincipal User(string id) => new(new ClaimsIdentity([new Claim("sub", id)], "test"));
}
