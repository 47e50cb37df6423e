namespace PipeWs.Transport.Loops;

/// <summary>A file that a loop watches.</summary>
internal interface ILoopItem
{
    /// <summary>Something happened to the file. On the loop.</summary>
    /// <param name="flags">What epoll says.</param>
    /// <param name="thread">The loop's thread. Where it has lost the loop meanwhile, the item returns at once.</param>
    void OnEvents(uint flags, LoopThread thread);

    /// <summary>The loop ends, and will say nothing more of the file. On the loop.</summary>
    void OnLoopEnding()
    {
    }
}
