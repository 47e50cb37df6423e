namespace PipeWs.Server.Identity;

/// <summary>Asks a delegate of the application's.</summary>
internal sealed class DelegateAuthenticator(Func<WsAuthenticationRequest, CancellationToken, ValueTask<WsAuthenticationResult>> authenticate) : IConnectionAuthenticator
{
    public ValueTask<WsAuthenticationResult> AuthenticateAsync(WsAuthenticationRequest request, CancellationToken cancellationToken) => authenticate(request, cancellationToken);
}
