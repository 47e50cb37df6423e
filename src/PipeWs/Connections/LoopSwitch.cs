using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PipeWs;

/// <summary>Awaiting it goes on on a transport's event loop.</summary>
internal readonly struct LoopSwitch(PipeScheduler loop) : ICriticalNotifyCompletion
{
    /// <summary>Never: the loop calls.</summary>
    public bool IsCompleted => false;

    /// <summary>What <c>await</c> asks for.</summary>
    public LoopSwitch GetAwaiter() => this;

    /// <summary>Nothing comes of it.</summary>
    public void GetResult()
    {
    }

    /// <inheritdoc/>
    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    /// <inheritdoc/>
    public void UnsafeOnCompleted(Action continuation) => loop.Schedule(static action => ((Action)action!)(), continuation);
}
