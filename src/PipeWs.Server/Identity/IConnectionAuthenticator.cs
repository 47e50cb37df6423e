namespace PipeWs.Server;

/// <summary>
/// Says who a connection is. Asked by every door before the handshake is answered, and for every <c>auth</c> message. One instance serves all connections of
/// a hub at once: every member must be safe from any thread.
/// </summary>
/// <remarks>
/// On the mapped door the application's own authentication comes first; the hub's is asked where that found nobody. An exception is logged and refuses with
/// 500; what takes longer than <see cref="WsAuthenticationOptions.Timeout"/> refuses with 503.
/// </remarks>
public interface IConnectionAuthenticator
{
    /// <summary>Judges what a peer says about itself.</summary>
    /// <param name="request">What it says. Asked too where there is no token: <see cref="WsAuthenticationResult.NoCredentials"/> is the answer then, unless something else tells.</param>
    /// <param name="cancellationToken">Fires when the peer has gone or the time is up.</param>
    ValueTask<WsAuthenticationResult> AuthenticateAsync(WsAuthenticationRequest request, CancellationToken cancellationToken);
}
