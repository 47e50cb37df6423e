namespace PipeWs.Shared;

/// <summary>Counts what code allocates once it is warm.</summary>
internal static class SteadyState
{
    private const int Rounds = 10;

    /// <summary>The bytes that one round of the action allocates on this thread.</summary>
    /// <remarks>
    /// The least of some rounds: the runtime allocates now and then on whatever thread it finds when it compiles a method again,
    /// while what the code itself allocates is there in every round.
    /// </remarks>
    public static long AllocatedBytes(Action action)
    {
        action();
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
