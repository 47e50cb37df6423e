using System.Net;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Hubs;

namespace PipeWs.Server.Limits;

/// <summary>A connection's place under the limits on connections, from its handshake to its end. Given back once; safe from any thread: its own lock, which nobody else takes.</summary>
internal sealed class ConnectionPlace(Hub hub, IPAddress? address) : IDisposable
{
    private string? _user;
    private bool _released;

    /// <summary>
    /// Counts the connection as this user's, and no longer as another's: said when a connection is authenticated, each time.
    /// </summary>
    /// <returns>The refusal where the user has as many connections as MaxConnectionsPerUser allows; nothing has changed then.</returns>
    public HandshakeRefusal TrySetUser(string? userId)
    {
        lock (this)
        {
            if (_released || userId == _user)
            {
                return default;
            }

            int limit = hub.Options.MaxConnectionsPerUser;
            string? counted = limit > 0 ? userId : null;
            if (counted is not null && !hub.PerUser.TryEnter(counted, limit))
            {
                hub.CountRefusal(LimitKind.MaxConnectionsPerUser);
                return HandshakeRefusal.Unavailable($"There are as many connections of this user as the server allows ({limit}, MaxConnectionsPerUser). Close one first.");
            }

            LeaveUser();
            _user = counted;
            return default;
        }
    }

    public void Dispose()
    {
        lock (this)
        {
            if (_released)
            {
                return;
            }

            _released = true;
            LeaveUser();
        }

        hub.Release(address);
    }

    private void LeaveUser()
    {
        if (_user is not null)
        {
            hub.PerUser.Leave(_user);
            _user = null;
        }
    }
}
