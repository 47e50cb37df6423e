namespace PipeWs.Server.Tests.Support;

/// <summary>Tests that look at what is counted for the whole process, such as allocations. They run one at a time, beside nothing else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
