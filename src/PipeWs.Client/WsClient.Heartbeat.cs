namespace PipeWs.Client;

// What is due at a time: writes that waited too long, a token that is about to expire, a sign of life while our own reader is slow.
public sealed partial class WsClient
{
    private readonly HeartbeatItem _heartbeatItem;
    private long _heldUpSince;
    private bool _keepsTime;

    /// <summary>
    /// Begins to look at what is due, which goes on until the client's end: messages wait before the first start too, and after one that failed. Safe from any thread.
    /// </summary>
    internal void KeepTime()
    {
        if (Volatile.Read(ref _keepsTime))
        {
            return;
        }

        lock (_lock)
        {
            // A client that ends fails what waits; the shared heartbeat must not hold it.
            if (!_keepsTime && !_stopRequested && State != WsClientState.Failed)
            {
                _heartbeat.Add(_heartbeatItem);
                Volatile.Write(ref _keepsTime, true);
            }
        }
    }

    private void OnHeartbeat(long now)
    {
        _writes.OnHeartbeat(now);
        Layer?.OnHeartbeat(now);
        if (Volatile.Read(ref _current) is not { Connection.IsClosing: false } connection)
        {
            return;
        }

        if (now >= connection.RefreshAt)
        {
            connection.RefreshAt = long.MaxValue;
            if (Layer?.TryRefreshToken(connection) != true)
            {
                EndPlanned(connection, "the token is replaced", forToken: true);
            }
        }

        SaySignOfLife(connection, now);
    }

    /// <summary>While a slow reader holds up the receive loop the server's pings are not read. It hears pongs all the same.</summary>
    private void SaySignOfLife(WsClientConnection connection, long now)
    {
        TimeSpan interval = connection.Token?.PingInterval ?? _options.PingInterval;
        if (!connection.Connection.IsInReceiver || interval == Timeout.InfiniteTimeSpan)
        {
            _heldUpSince = 0;
            return;
        }

        if (_heldUpSince == 0)
        {
            _heldUpSince = Math.Max(1, now);
        }
        else if (now - _heldUpSince >= interval.TotalMilliseconds / 2)
        {
            _heldUpSince = Math.Max(1, now);
            connection.Connection.SendUnsolicitedPong();
        }
    }

    private sealed class HeartbeatItem(WsClient client) : IWsHeartbeatItem
    {
        int IWsHeartbeatItem.HeartbeatIndex { get; set; } = -1;

        public void OnHeartbeat(long now) => client.OnHeartbeat(now);
    }
}
