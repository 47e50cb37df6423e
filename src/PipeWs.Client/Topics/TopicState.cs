using System.Text;

namespace PipeWs.Client.Topics;

/// <summary>One topic of a client: who wants it, and where it stands with the server. Under the session's lock.</summary>
internal sealed class TopicState(string name, bool privateChannel)
{
    public string Name { get; } = name;

    public byte[] Utf8 { get; } = Encoding.UTF8.GetBytes(name);

    public bool PrivateChannel { get; } = privateChannel;

    /// <summary>Those who want it; replaced, never changed.</summary>
    public TopicMember[] Members { get; private set; } = [];

    /// <summary>The epoch of its log when it was last joined; null where it has none.</summary>
    public string? Epoch { get; set; }

    /// <summary>The greatest sequence number heard of in the epoch.</summary>
    public long Head { get; set; }

    /// <summary>Whether it was joined before and the server gave no epoch: it keeps no log of it.</summary>
    public bool IsPlain { get; set; }

    /// <summary>Whether the server has said that this connection is a member.</summary>
    public bool IsJoined { get; set; }

    /// <summary>The connection on which a subscribe was sent and no unsubscribe after it.</summary>
    public TopicLink? AskedOn { get; set; }

    /// <summary>Whether a member needs messages from further back than the server is sending.</summary>
    public bool IsRejoinWanted { get; set; }

    /// <summary>Whether a join that comes is one that the application hears of, since a joined topic was lost.</summary>
    public bool IsLost { get; set; }

    /// <summary>The connection whose round of rejoining it still counts in.</summary>
    public TopicLink? Round { get; set; }

    /// <summary>Whether a task is at work on it.</summary>
    public bool IsSyncing { get; set; }

    /// <summary>Whether acknowledgements are to be sent.</summary>
    public bool IsAckDue { get; set; }

    public long AcknowledgedTo { get; set; }

    /// <summary>Up to where all that acknowledge are done.</summary>
    public long FindAcknowledged()
    {
        long upTo = long.MaxValue;
        foreach (TopicMember member in Members)
        {
            if (member.Acknowledges)
            {
                // One that waits for room may still be in an epoch that is over: its number means nothing here.
                upTo = Math.Min(upTo, member.Epoch == Epoch ? member.Acknowledged : 0);
            }
        }

        return upTo == long.MaxValue ? 0 : upTo;
    }

    /// <summary>How often in a row it could not be joined, or was lost again before its membership was stable; on this connection.</summary>
    public int Failures { get; set; }

    /// <summary>When the first of them was.</summary>
    public long FailingSince { get; set; }

    /// <summary>Why the next join is to wait; null where it is not.</summary>
    public Exception? WaitsAfter { get; set; }

    /// <summary>When it was joined first since it was last lost, in the heartbeat's milliseconds; the greatest number where that was lost, or never was.</summary>
    public long JoinedAt { get; set; } = long.MaxValue;

    /// <summary>Ends the wait before the next join; null where there is none.</summary>
    public TaskCompletionSource? Wait { get; set; }

    public bool IsWanted => Array.Exists(Members, static member => !member.IsPaused);

    public void Add(TopicMember member) => Members = [.. Members, member];

    public void Remove(TopicMember member) => Members = Array.FindAll(Members, other => other != member);

    /// <summary>Its members take nothing until it is joined again.</summary>
    public void Unjoin()
    {
        IsJoined = false;
        AskedOn = null;
        foreach (TopicMember member in Members)
        {
            member.IsLive = false;
        }
    }
}
