namespace PipeWs.Transport.Tests.Support;

/// <summary>Awaiting a token.</summary>
internal static class CancellationTokenExtensions
{
    /// <summary>Completes when the token fires.</summary>
    public static Task WaitAsync(this CancellationToken token)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.UnsafeRegister(static source => ((TaskCompletionSource)source!).TrySetResult(), fired);
        return fired.Task;
    }
}
