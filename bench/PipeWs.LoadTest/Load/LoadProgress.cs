namespace PipeWs.LoadTest.Load;

/// <summary>Takes the news of a run under way.</summary>
internal interface ILoadProgress
{
    /// <summary>Says what happens now, in a few words.</summary>
    void Report(string what);
}

/// <summary>For those who do not want to know.</summary>
internal sealed class NoProgress : ILoadProgress
{
    public static NoProgress Instance { get; } = new();

    public void Report(string what)
    {
    }
}
