namespace PipeWs.Client.Receiving;

/// <summary>
/// Where received messages come from and go back to. They are taken on a receive loop's thread and given back on a reader's, so each thread has a few, and what it has too many or
/// too few of moves between threads by the magazine, not one by one.
/// </summary>
internal static class MessagePool
{
    private const int MagazineCount = 64;
    private const int MaxMagazines = 64;

    private static readonly Lock s_lock = new();
    private static readonly ReceivedMessage?[][] s_full = new ReceivedMessage?[MaxMagazines][];
    private static readonly ReceivedMessage?[][] s_empty = new ReceivedMessage?[MaxMagazines][];
    private static int s_fullCount;
    private static int s_emptyCount;

    [ThreadStatic]
    private static ReceivedMessage?[]? t_magazine;

    [ThreadStatic]
    private static int t_count;

    public static ReceivedMessage Rent()
    {
        ReceivedMessage?[]? magazine = t_magazine;
        if (t_count == 0)
        {
            return RentSlow();
        }

        ReceivedMessage message = magazine![--t_count]!;
        magazine[t_count] = null;
        return message;
    }

    public static void Return(ReceivedMessage message)
    {
        ReceivedMessage?[]? magazine = t_magazine;
        if (magazine is null || t_count == MagazineCount)
        {
            magazine = Exchange();
        }

        magazine[t_count++] = message;
    }

    private static ReceivedMessage RentSlow()
    {
        lock (s_lock)
        {
            if (s_fullCount > 0)
            {
                if (t_magazine is { } empty && s_emptyCount < MaxMagazines)
                {
                    s_empty[s_emptyCount++] = empty;
                }

                t_magazine = s_full[--s_fullCount];
                s_full[s_fullCount] = null!;
                t_count = MagazineCount;
            }
        }

        return t_count > 0 ? Rent() : new ReceivedMessage();
    }

    /// <summary>Puts a full magazine away and takes an empty one; where enough are put away, its messages are left to the collector.</summary>
    private static ReceivedMessage?[] Exchange()
    {
        ReceivedMessage?[]? magazine = t_magazine;
        t_count = 0;
        lock (s_lock)
        {
            if (magazine is null || s_fullCount < MaxMagazines)
            {
                if (magazine is not null)
                {
                    s_full[s_fullCount++] = magazine;
                }

                return t_magazine = s_emptyCount > 0 ? s_empty[--s_emptyCount] : new ReceivedMessage?[MagazineCount];
            }
        }

        foreach (ReceivedMessage? message in magazine)
        {
            message!.DropBytes();
        }

        Array.Clear(magazine);
        return magazine;
    }
}
