namespace PipeWs.Client;

/// <summary>
/// Gives the client what it connects with. Asked at every dial, so that a reconnect never uses a stale token; disposed with the client. Called by one dial at a time.
/// </summary>
public interface IAsyncTokenProvider : IAsyncDisposable
{
    /// <summary>Gives the tokens for one dial, each for its endpoint, the dearest first; they are tried in turn. At least one.</summary>
    /// <param name="context">What the dial is for.</param>
    /// <param name="cancellationToken">Cancelled at <see cref="WsClientOptions.TokenTimeout"/> and by a stop.</param>
    /// <remarks>An exception is a failed attempt: it is tried again as the reconnect policy says.</remarks>
    ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken);
}
