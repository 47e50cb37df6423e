using System.Collections.Concurrent;

namespace PipeWs.Server.Hubs;

/// <summary>The open connections of each user. A user's list is copied when it changes, so that whoever sends to it takes no lock.</summary>
internal sealed class UserIndex
{
    private readonly ConcurrentDictionary<string, HubConnection[]> _users = new(StringComparer.Ordinal);

    internal HubConnection[] Find(string userId) => _users.TryGetValue(userId, out HubConnection[]? connections) ? connections : [];

    internal void Add(HubConnection connection)
    {
        if (connection.UserId is { } user)
        {
            _users.AddOrUpdate(user, static (_, added) => [added], static (_, old, added) => [.. old, added], connection);
        }
    }

    internal void Remove(HubConnection connection)
    {
        if (connection.UserId is not { } user)
        {
            return;
        }

        while (_users.TryGetValue(user, out HubConnection[]? old))
        {
            HubConnection[] left = [.. old.Where(other => other != connection)];
            bool done = left.Length == 0
                ? _users.TryRemove(new KeyValuePair<string, HubConnection[]>(user, old))
                : _users.TryUpdate(user, left, old);
            if (done)
            {
                return;
            }
        }
    }
}
