using System.Diagnostics;
using PipeWs.Client.Diagnostics;
using PipeWs.Client.Dialing;
using PipeWs.Client.Sessions;
using PipeWs.Protocol.Framing;

namespace PipeWs.Client;

// One attempt: tokens, endpoints in turn, the dial, and what must be done before the connection counts.
public sealed partial class WsClient
{
    private static readonly TimeSpan s_shortestTokenLife = TimeSpan.FromSeconds(1);

    private async Task<WsClientConnection> ConnectAsync(int attempt, WsDisconnect? last, bool isRefresh, CancellationToken cancellationToken)
    {
        using Activity? activity = ClientMetrics.ActivitySource.StartActivity("pipews.client.connect", ActivityKind.Client);
        activity?.SetTag("pipews.client.name", Name);
        activity?.SetTag("pipews.client.attempt", attempt);
        try
        {
            IReadOnlyList<(WsToken? Token, Uri Endpoint)> candidates = await FindCandidatesAsync(attempt, last, isRefresh, cancellationToken);
            var errors = new List<Exception>();
            foreach ((WsToken? token, Uri endpoint) in candidates)
            {
                try
                {
                    return await ConnectToAsync(endpoint, token, cancellationToken);
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    errors.Add(e);
                    _metrics.DialFailed();
                    ReportError(e);
                }
            }

            throw errors.Count == 1
                ? errors[0]
                : new WsDialException($"None of the {errors.Count} endpoints gave a connection; the last: {errors[^1].Message}", new AggregateException(errors));
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    private async Task<IReadOnlyList<(WsToken? Token, Uri Endpoint)>> FindCandidatesAsync(int attempt, WsDisconnect? last, bool isRefresh, CancellationToken cancellationToken)
    {
        if (_options.TokenProvider is not { } provider)
        {
            return [.. _options.Endpoints.Select(static endpoint => ((WsToken?)null, endpoint))];
        }

        IReadOnlyList<WsToken> tokens;
        using var timeout = new CancellationTokenSource(_options.TokenTimeout, _options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            var context = new WsTokenContext(Name, attempt, last, isRefresh);
            tokens = await provider.GetTokensAsync(context, either.Token).AsTask().WaitAsync(either.Token);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            var error = new WsDialException(
                timeout.IsCancellationRequested ? $"The token provider gave no token within {_options.TokenTimeout.TotalSeconds:0.###} s." : $"The token provider failed: {e.Message}", e);
            ReportError(error);
            throw error;
        }

        var candidates = new List<(WsToken?, Uri)>();
        foreach (WsToken token in tokens)
        {
            foreach (Uri endpoint in token.Endpoint is { } own ? [own] : _options.Endpoints)
            {
                candidates.Add((token, endpoint));
            }
        }

        if (candidates.Count == 0)
        {
            var error = new WsDialException("The token provider gave no token with an endpoint, and the options name none.");
            ReportError(error);
            throw error;
        }

        return candidates;
    }

    private async Task<WsClientConnection> ConnectToAsync(Uri endpoint, WsToken? token, CancellationToken cancellationToken)
    {
        DialTarget target = CreateTarget(endpoint, token);
        DialedConnection dialed = await _dialer.DialAsync(target, cancellationToken);
        _metrics.Dialed(dialed.Duration);
        WsConnection transport;
        try
        {
            transport = new WsConnection(dialed.Transport, WsRole.Client, _options.ToConnectionOptions(token), _heartbeat, dialed.Abort, dialed.Compression);
        }
        catch (ArgumentException e)
        {
            // What the options allow a token may still get wrong.
            await WsDialer.DropAsync(dialed);
            throw new WsDialException($"The token's times are not usable: {e.Message}", e) { Endpoint = target.Description };
        }

        var connection = new WsClientConnection(this, transport, ++_connections, endpoint, dialed.Subprotocol, dialed.RemoteEndPoint, token)
        {
            RefreshAt = FindRefreshTime(token),
        };
        Volatile.Write(ref _opening, connection);
        if (cancellationToken.IsCancellationRequested)
        {
            transport.Abort();
        }

        // Where nothing must be done first it counts at once, whatever comes of it; a message is not received before that.
        bool isPrepared = Layer is null && _options.ReadyHandlers.Count == 0 && TrySetConnected(connection, cancellationToken);
        connection.Run();
        WsDisconnect? disconnect = null;
        try
        {
            if (!isPrepared)
            {
                await PrepareAsync(connection, cancellationToken);
                isPrepared = TrySetConnected(connection, cancellationToken);
            }

            return isPrepared ? connection : throw new WsClosedException("The connection ended as soon as it was opened.");
        }
        catch (Exception e)
        {
            disconnect = await EndUnreadyAsync(connection, e, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            throw new ConnectionNotReadyException($"The connection to {target.Description} was not ready: {disconnect.Reason}", disconnect, e) { Endpoint = target.Description };
        }
        finally
        {
            Volatile.Write(ref _opening, null);
            if (disconnect is not null)
            {
                Layer?.OnDisconnected(connection, disconnect);
            }
        }
    }

    /// <summary>Whether a token may be used where a connection leads. The query does not count: it may be another for each token.</summary>
    internal bool IsFor(WsClientConnection connection, WsToken token) =>
        (token.Endpoint is { } own
            ? DialTarget.Describe(own) == connection.Endpoint
            : _options.Endpoints.Count == 0 || _options.Endpoints.Any(endpoint => DialTarget.Describe(endpoint) == connection.Endpoint))
        && FindRefusal(connection.Uri, token) is null;

    /// <summary>Why a token must not be sent to an endpoint; null where it may.</summary>
    private static string? FindRefusal(Uri endpoint, WsToken token)
    {
        if (!string.Equals(token.Protocol, "websocket", StringComparison.OrdinalIgnoreCase))
        {
            return $"The token is for the protocol '{token.Protocol}'; only 'websocket' is spoken.";
        }

        return token.Encrypt && endpoint.Scheme != "wss" ? "The token must be sent over TLS; the endpoint is not 'wss'." : null;
    }

    private DialTarget CreateTarget(Uri endpoint, WsToken? token)
    {
        if (!DialTarget.IsValid(endpoint))
        {
            throw new WsDialException("An endpoint is an absolute ws: or wss: address without userinfo and fragment; the token's is not.");
        }

        List<KeyValuePair<string, string>> query = [.. _options.Query];
        List<KeyValuePair<string, string>> headers = [.. _options.Headers];
        if (token is not null)
        {
            if (FindRefusal(endpoint, token) is { } refusal)
            {
                throw new WsDialException(refusal) { Endpoint = DialTarget.Describe(endpoint) };
            }

            if (token.Token.Length > 0)
            {
                if (_options.TokenPlacement == WsTokenPlacement.Query)
                {
                    query.Add(new(_options.TokenParameter, token.Token));
                }
                else
                {
                    headers.RemoveAll(static header => string.Equals(header.Key, "Authorization", StringComparison.OrdinalIgnoreCase));
                    headers.Add(new("Authorization", "Bearer " + token.Token));
                }
            }
        }

        return new DialTarget(endpoint) { Query = query, Headers = headers };
    }

    /// <summary>
    /// A token is replaced its margin before it expires, but not before half of its life is over: a short one must not be replaced all the time. Nor must one that has expired by this
    /// clock and that the server takes all the same: the clock is ahead, and the server says when it is over.
    /// </summary>
    internal long FindRefreshTime(WsToken? token)
    {
        if (token?.ExpiresAt is not { } expiresAt)
        {
            return long.MaxValue;
        }

        TimeSpan life = expiresAt - _options.TimeProvider.GetUtcNow();
        TimeSpan used = life - _options.TokenRefreshMargin;
        used = used > life / 2 ? used : life / 2;
        used = life > TimeSpan.Zero ? used : _options.StableAfter;
        return _heartbeat.Now + (long)(used > s_shortestTokenLife ? used : s_shortestTokenLife).TotalMilliseconds;
    }

    /// <summary>Runs what must be done before the connection counts: the layer's part, then the application's.</summary>
    private async Task PrepareAsync(WsClientConnection connection, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.ReadyTimeout, _options.TimeProvider);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token, connection.Closed);
        try
        {
            if (Layer is { } layer)
            {
                await layer.OnConnectedAsync(connection, any.Token).AsTask().WaitAsync(any.Token);
            }

            foreach (IConnectionReadyHandler handler in _options.ReadyHandlers)
            {
                await handler.OnConnectionReadyAsync(connection, any.Token).AsTask().WaitAsync(any.Token);
            }
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested && !connection.Closed.IsCancellationRequested)
        {
            throw new TimeoutException($"The ready handlers did not return within {_options.ReadyTimeout.TotalSeconds:0.###} s.", e);
        }
    }

    private static async Task<WsDisconnect> EndUnreadyAsync(WsClientConnection connection, Exception error, CancellationToken cancellationToken)
    {
        WsConnection transport = connection.Connection;
        bool endedByItself = transport.IsClosing;
        if (!endedByItself)
        {
            transport.BeginClose(CloseCode.NormalClosure, "");
        }

        if (cancellationToken.IsCancellationRequested)
        {
            transport.Abort();
        }

        await using (cancellationToken.UnsafeRegister(static state => ((WsConnection)state!).Abort(), transport))
        {
            WsCloseInfo close = await connection.Ended;
            return endedByItself ? WsDisconnect.From(close) with { Reason = $"it ended with {close.Code} {close.Reason}".TrimEnd() } : WsDisconnect.From(error);
        }
    }
}
