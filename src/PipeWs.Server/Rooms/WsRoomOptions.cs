using System.Globalization;

namespace PipeWs.Server;

/// <summary>How the rooms of a pattern keep their messages and treat their members. Read when a room comes into being.</summary>
public sealed partial class WsRoomOptions
{
    /// <summary>A log's ring has a power of two of places, and one more than it is asked to hold.</summary>
    private const int MaxMessages = 1_048_576;

    /// <summary>How many messages are kept for members that resume, or join with "last". Default 0: none. At most 1,048,576.</summary>
    public int HistoryMessages { get; set; }

    /// <summary>How many bytes of messages the log may hold, for history and slow members together; older messages leave it first. Default 16 MiB.</summary>
    public long MaxLogBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>How long a message is kept as history; an empty room goes away when its last message is older. Default 5 minutes; infinite keeps it as long as count and bytes allow.</summary>
    public TimeSpan HistoryAge { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How many messages a member may lag before <see cref="SlowConsumerPolicy"/> acts. Default 4,096. At most 1,048,576.</summary>
    public int MaxLagMessages { get; set; } = 4096;

    /// <summary>What happens to a member that lags more. Default <see cref="WsSlowConsumerPolicy.Disconnect"/>.</summary>
    public WsSlowConsumerPolicy SlowConsumerPolicy { get; set; }

    /// <summary>How many keys <see cref="WsSlowConsumerPolicy.Conflate"/> keeps the latest message of; beyond it the one published longest ago is forgotten. Default 10,000.</summary>
    public int MaxConflationKeys { get; set; } = 10_000;

    /// <summary>How many members a room may have; a further one gets <see cref="WsJoinStatus.RoomFull"/>. Default 0: no limit but the hub's.</summary>
    public int MaxConnectionsPerRoom { get; set; }

    /// <summary>
    /// Whether members acknowledge what they received (<c>{"type":"ack","topic":...,"sn":...}</c>); a user who joins again gets what was not acknowledged
    /// once more, as far as the log holds it. Default false.
    /// </summary>
    public bool Acknowledged { get; set; }

    /// <summary>Whether clients may join by a subscribe message. Default true; false leaves joining to the application.</summary>
    public bool Subscribable { get; set; } = true;

    internal WsRoomOptions Copy() => (WsRoomOptions)MemberwiseClone();

    /// <summary>What is not allowed: which option, its value, and what it must be.</summary>
    internal IEnumerable<(string Option, string Value, string Allowed)> FindProblems()
    {
        (string, long, long, long)[] ranges =
        [
            (nameof(HistoryMessages), HistoryMessages, 0, MaxMessages),
            (nameof(MaxLogBytes), MaxLogBytes, 0, long.MaxValue),
            (nameof(MaxLagMessages), MaxLagMessages, 1, MaxMessages),
            (nameof(MaxConflationKeys), MaxConflationKeys, 1, int.MaxValue),
            (nameof(MaxConnectionsPerRoom), MaxConnectionsPerRoom, 0, int.MaxValue),
        ];
        foreach ((string option, long value, long min, long max) in ranges)
        {
            if (value < min || value > max)
            {
                yield return (option, value.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"between {min} and {max}"));
            }
        }

        if (HistoryAge <= TimeSpan.Zero && HistoryAge != Timeout.InfiniteTimeSpan)
        {
            yield return (nameof(HistoryAge), HistoryAge.ToString(), "more than 00:00:00 or infinite (-00:00:00.0010000)");
        }

        if (!Enum.IsDefined(SlowConsumerPolicy))
        {
            yield return (nameof(SlowConsumerPolicy), SlowConsumerPolicy.ToString(), "one of Disconnect, Skip, Conflate, Unsubscribe");
        }
    }
}
