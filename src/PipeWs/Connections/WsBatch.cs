namespace PipeWs;

/// <summary>
/// What a thread puts off until the end of the batch of messages it is handling: the replies, the messages to other connections and the
/// fan-outs that many messages of one read caused then leave together. There is no timer; a batch ends when its bytes are used up, or when a handler waits.
/// </summary>
public static class WsBatch
{
    [ThreadStatic]
    private static WsConnection? t_owner;

    [ThreadStatic]
    private static int t_depth;

    [ThreadStatic]
    private static List<IWsBatchWork>? t_deferred;

    /// <summary>How many of the deferred are done or being done.</summary>
    [ThreadStatic]
    private static int t_done;

    /// <summary>Whether this thread is in a batch.</summary>
    public static bool IsActive => t_depth > 0;

    /// <summary>The connection whose messages this thread is handling.</summary>
    internal static WsConnection? Owner => t_owner;

    /// <summary>Begins a batch of the application's own, such as a tick that publishes to many rooms; disposing it ends the batch, on the same thread.</summary>
    /// <remarks>Nothing may be awaited in between.</remarks>
    public static Scope Begin() => new(Enter(t_owner));

    /// <summary>Puts work off until the end of the batch.</summary>
    /// <returns><see langword="false"/> where there is no batch on this thread; the caller then does it at once.</returns>
    public static bool TryDefer(IWsBatchWork work)
    {
        if (t_depth == 0)
        {
            return false;
        }

        (t_deferred ??= new List<IWsBatchWork>(16)).Add(work);
        return true;
    }

    /// <summary>Does now what was put off on this thread, and lets what was sent to the connection whose messages it is handling leave.</summary>
    public static void RunDeferred()
    {
        t_owner?.ReleaseLoopTurnIfOwn();
        List<IWsBatchWork>? deferred = t_deferred;
        if (deferred is null)
        {
            return;
        }

        // Work may cause more work, and may call this method; each is done once, in order.
        while (t_done < deferred.Count)
        {
            deferred[t_done++].Run();
        }

        deferred.Clear();
        t_done = 0;
    }

    internal static WsConnection? Enter(WsConnection? owner)
    {
        WsConnection? previous = t_owner;
        t_owner = owner;
        t_depth++;
        return previous;
    }

    internal static void Leave(WsConnection? previous)
    {
        t_owner = null;
        try
        {
            if (t_depth == 1)
            {
                // Still inside, so that what this work publishes joins it instead of starting anew at every step.
                RunDeferred();
            }
        }
        finally
        {
            t_depth--;
            t_owner = previous;
        }
    }

    /// <summary>A batch that <see cref="Begin"/> opened.</summary>
    public readonly ref struct Scope
    {
        private readonly WsConnection? _previous;

        internal Scope(WsConnection? previous) => _previous = previous;

        /// <summary>Ends the batch and does what was put off.</summary>
        public void Dispose() => Leave(_previous);
    }
}

/// <summary>Work that can wait for the end of a batch.</summary>
public interface IWsBatchWork
{
    /// <summary>Does the work. Must not throw.</summary>
    void Run();
}
