namespace PipeWs.Tests.Connections;

/// <summary>Tests that look at what is counted for the whole process: allocations, and the frames that are held. They run one at a time, beside nothing else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
