namespace PipeWs.Shared;

/// <summary>Waiting for what another thread will do, and failing where it does not.</summary>
internal static class Conditions
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits for a task that should complete soon.</summary>
    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(s_patience);

    /// <inheritdoc cref="Soon{T}(Task{T})"/>
    public static Task Soon(this Task task) => task.WaitAsync(s_patience);

    /// <inheritdoc cref="Soon{T}(Task{T})"/>
    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(s_patience);

    /// <inheritdoc cref="Soon{T}(Task{T})"/>
    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(s_patience);

    /// <summary>Looks again and again until the condition holds.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        long start = Environment.TickCount64;
        while (!condition())
        {
            if (Environment.TickCount64 - start > s_patience.TotalMilliseconds)
            {
                throw new TimeoutException($"It did not come about: {what}.");
            }

            await Task.Delay(1);
        }
    }
}
