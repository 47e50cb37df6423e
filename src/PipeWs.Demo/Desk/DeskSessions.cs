using PipeWs.Demo.Trading;
using PipeWs.Server;

namespace PipeWs.Demo.Desk;

/// <summary>Which connections are whose. Safe from any thread.</summary>
public sealed class DeskSessions(IDeskIdentity identity, IPortfolioService portfolios)
{
    private const string MetadataKey = "desk.session";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<DeskSession>> _byUser = new(StringComparer.Ordinal);

    /// <summary>The session of a connection, begun by its first request.</summary>
    /// <exception cref="DeskException">The connection does not say properly whose it is.</exception>
    public DeskSession Of(IWsConnection connection)
    {
        var before = connection.GetMetadata(MetadataKey) as DeskSession;
        if (before is not null)
        {
            if (before.LoggedInAs == connection.UserId)
            {
                return before;
            }

            // Somebody who was nobody has logged in on an open connection: what follows is his.
            End(before);
            Forget(before);
        }

        var session = new DeskSession(connection, identity.Identify(connection));
        connection.SetMetadata(MetadataKey, session);
        lock (_gate)
        {
            if (!_byUser.TryGetValue(session.User.Id, out var sessions))
            {
                _byUser[session.User.Id] = sessions = [];
            }

            sessions.Add(session);
        }

        if (before is not null)
        {
            session.SubscribePortfolioLike(before);
        }

        connection.ConnectionClosed.UnsafeRegister(static (state, _) =>
        {
            var (sessions, session) = ((DeskSessions, DeskSession))state!;
            sessions.End(session);
        }, (this, session));
        return session;
    }

    /// <summary>The sessions of a user.</summary>
    public IReadOnlyList<DeskSession> OfUser(string userId)
    {
        lock (_gate)
        {
            return _byUser.TryGetValue(userId, out var sessions) ? [.. sessions] : [];
        }
    }

    /// <summary>Ends a session whose connection closed. A guest's portfolio goes with it.</summary>
    public void End(DeskSession session)
    {
        session.Close();
        lock (_gate)
        {
            if (_byUser.TryGetValue(session.User.Id, out var sessions) && sessions.Remove(session) && sessions.Count == 0)
            {
                _byUser.Remove(session.User.Id);
            }
        }

        ForgetIfGone(session);
    }

    /// <summary>Lets go of the portfolio of a guest whose connection closed. Whoever opens portfolios calls it afterwards, since the connection may have closed meanwhile.</summary>
    public void ForgetIfGone(DeskSession session)
    {
        if (session.Connection.ConnectionClosed.IsCancellationRequested)
        {
            Forget(session);
        }
    }

    private void Forget(DeskSession session)
    {
        if (session.User.IsGuest)
        {
            portfolios.Forget(session.User.Id);
        }
    }
}
