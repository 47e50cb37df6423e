using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// What is due at a time: pings and their pongs, answers that did not come, acknowledgements, the server's wish for a reconnect, a fresh token.
internal sealed partial class TopicSession
{
    private readonly SerialTokenProvider? _tokens;
    private int _pingsSent;

    /// <summary>How many pings were sent, over all connections.</summary>
    public int PingsSent => Volatile.Read(ref _pingsSent);

    public void OnHeartbeat(long now)
    {
        List<PendingAnswer>? late = null;
        TopicLink? link;
        bool reconnects = false;
        lock (_lock)
        {
            foreach (PendingAnswer pending in _pending.Values)
            {
                if (now >= pending.Deadline)
                {
                    (late ??= []).Add(pending);
                }
            }

            foreach (PendingAnswer pending in late ?? [])
            {
                _pending.Remove(pending.Number);
            }

            link = _link is { IsReady: true } ? _link : null;
            if (link is not null && now >= link.ReconnectAt)
            {
                link.ReconnectAt = long.MaxValue;
                reconnects = true;
            }
        }

        foreach (PendingAnswer pending in late ?? [])
        {
            pending.OnFailed(new WsTopicException(WsTopicFailure.TimedOut, "The answer did not come in time."));
        }

        if (link is null)
        {
            return;
        }

        if (reconnects)
        {
            WsClient.EndPlanned(link.Connection, "the server asked for it", forToken: false);
            return;
        }

        Ping(link, now);
        SendAcks();
    }

    public bool TryRefreshToken(WsClientConnection connection)
    {
        if (_tokens is null)
        {
            return false;
        }

        TopicLink link = GetLink(connection);
        _tasks.Run(() => RefreshTokenAsync(link));
        return true;
    }

    /// <summary>Sends a ping where one is due; where the last brought nothing in time the connection is dropped.</summary>
    private void Ping(TopicLink link, long now)
    {
        long number = 0;
        bool isDead = false;
        TimeSpan timeout;
        lock (_lock)
        {
            timeout = link.PingTimeout ?? link.Connection.Token?.PingTimeout ?? _options.Connection.PongTimeout;
            if (link.PingNumber != 0 && now - link.PingSentAt >= timeout.TotalMilliseconds)
            {
                // What came proves life, and so does our own handler that holds up what may have come. The pong waits behind a large message that is still coming or going.
                bool isAlive = link.Received != link.ReceivedAtPing || link.Connection.Connection.IsInReceiver;
                isDead = !isAlive && now - link.Connection.Connection.LastProgress >= timeout.TotalMilliseconds;
                link.PingNumber = isAlive || isDead ? 0 : link.PingNumber;
            }

            if (!isDead && link.PingNumber == 0 && now >= link.NextPingAt && PingIntervalOf(link) is { } interval)
            {
                number = ++_lastNumber;
                link.PingNumber = number;
                link.PingSentAt = now;
                link.PingTimestamp = Heartbeat.TimeProvider.GetTimestamp();
                link.ReceivedAtPing = link.Received;
                link.NextPingAt = now + (long)interval.TotalMilliseconds;
            }
        }

        if (isDead)
        {
            TopicLog.PongMissed(Logger, Client.Name, timeout.TotalMilliseconds);
            link.Connection.Connection.Abort(new TimeoutException($"No pong within {timeout.TotalSeconds:0.###} s."));
        }
        else if (number != 0)
        {
            MessageBuffer buffer = MessageBuffer.Rent();
            TopicWriter.WritePing(buffer, TopicWriter.Id(_options.IdPrefix, number));
            Interlocked.Increment(ref _pingsSent);
            link.Connection.TrySend(WsMessageType.Text, buffer.Written.Span);
            buffer.Return();
        }
    }

    private TimeSpan? PingIntervalOf(TopicLink link)
    {
        TimeSpan interval = link.PingInterval ?? link.Connection.Token?.PingInterval ?? _options.Connection.PingInterval;
        return _options.SendPings && interval > TimeSpan.Zero ? interval : null;
    }

    private async Task RefreshTokenAsync(TopicLink link)
    {
        try
        {
            WsToken token;
            using (var timeout = new CancellationTokenSource(_options.Connection.TokenTimeout, Heartbeat.TimeProvider))
            using (var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, link.Connection.Closed))
            {
                IReadOnlyList<WsToken> tokens = await _tokens!.GetTokensAsync(new WsTokenContext(Client.Name, 1, null, IsRefresh: true), either.Token).AsTask().WaitAsync(either.Token);
                token = tokens.FirstOrDefault(token => Client.IsFor(link.Connection, token))
                    ?? throw new InvalidOperationException($"None of the {tokens.Count} tokens is for {link.Connection.Endpoint}.");
            }

            PendingWrite auth;
            MessageBuffer buffer = MessageBuffer.Rent();
            try
            {
                lock (_lock)
                {
                    auth = new PendingWrite { Number = ++_lastNumber, Link = link, Deadline = Heartbeat.Now + (long)_options.AckTimeout.TotalMilliseconds };
                    _pending.Add(auth.Number, auth);
                }

                TopicWriter.WriteAuth(buffer, TopicWriter.Id(_options.IdPrefix, auth.Number), token.Token);
                await link.Connection.SendAsync(buffer.Written);
            }
            finally
            {
                buffer.Return();
            }

            (await auth.Task).Dispose();
            link.Connection.RefreshAt = Client.FindRefreshTime(token);
        }
        catch (Exception e) when (!link.Connection.Closed.IsCancellationRequested)
        {
            // A new connection with a token of its own is the way that always works.
            PublishError($"The token could not be refreshed: {e.Message}", e);
            WsClient.EndPlanned(link.Connection, "the token is replaced", forToken: true);
        }
        catch (Exception)
        {
            // The connection has ended; the next one has a fresh token.
        }
    }

    /// <summary>Asks a provider for one dial or refresh at a time.</summary>
    private sealed class SerialTokenProvider(IAsyncTokenProvider provider) : IAsyncTokenProvider
    {
        private readonly SemaphoreSlim _turn = new(1);

        public async ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken)
        {
            await _turn.WaitAsync(cancellationToken);
            try
            {
                return await provider.GetTokensAsync(context, cancellationToken);
            }
            finally
            {
                _turn.Release();
            }
        }

        public ValueTask DisposeAsync() => provider.DisposeAsync();
    }
}
