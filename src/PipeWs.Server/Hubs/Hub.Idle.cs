namespace PipeWs.Server.Hubs;

internal sealed partial class Hub
{
    /// <summary>Whether no shard has, at this moment, anything to deliver: for tests that wait until all is quiet.</summary>
    internal bool IsFanOutIdle => Array.TrueForAll(_shards, static shard => shard.IsIdle);
}
