using System.Collections.Concurrent;
using PipeWs.Server;

namespace PipeWs.Testing;

// What an operator's code asks a hub.
public sealed partial class FakeWsHub
{
    private readonly ConcurrentQueue<WsDrainOptions> _drains = new();

    /// <summary>The drains that were asked for, in order.</summary>
    public IReadOnlyList<WsDrainOptions> Drains => [.. _drains];

    /// <summary>What <see cref="GetStatistics"/> gives; null, the default, for what it counts itself: its connections, its rooms with their members and heads, and the handlers of its events that failed.</summary>
    public WsHubStatistics? Statistics { get; set; }

    /// <inheritdoc/>
    public WsHubStatistics GetStatistics(int maxRooms = 100, string? room = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxRooms);
        if (Statistics is not null)
        {
            return Statistics;
        }

        FakeWsRoom[] rooms = [.. Rooms.Where(static candidate => candidate.Exists)];
        IEnumerable<FakeWsRoom> listed = room is null ? rooms.OrderByDescending(static candidate => candidate.MemberCount).Take(maxRooms) : rooms.Where(candidate => candidate.Name == room);
        return new WsHubStatistics
        {
            Hub = Name,
            Connections = new WsConnectionStatistics { Open = ConnectionCount },
            HookErrors = Volatile.Read(ref _hookErrors),
            RoomCount = rooms.Length,
            MemberCount = rooms.Sum(static candidate => (long)candidate.MemberCount),
            Rooms = [.. listed.Select(static candidate => new WsRoomStatistics { Name = candidate.Name, Members = candidate.MemberCount, Epoch = candidate.Epoch, Head = candidate.Head })],
        };
    }

    /// <summary>Ends every connection at once, with the code and a hint of no time.</summary>
    /// <inheritdoc/>
    public Task DrainAsync(WsDrainOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        options ??= new WsDrainOptions();
        _drains.Enqueue(options);
        foreach (FakeWsConnection connection in Connections)
        {
            connection.BeginClose(options.CloseCode, "reconnect after 0 ms");
        }

        return Task.CompletedTask;
    }
}
