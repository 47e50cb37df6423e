using System.IO.Pipelines;
using PipeWs.Server.Rooms;

namespace PipeWs.Server.Hubs;

// Which shard a connection belongs to: its event loop's where the transport has loops, so that the thread which owns its socket writes it; any in turn otherwise.
internal sealed partial class Hub
{
    private readonly Lock _shardsLock = new();
    private int _nextShard;

    private int ChooseShard(PipeScheduler? loop)
    {
        if (loop is null)
        {
            return NextShard();
        }

        int index = FindShard(loop);
        if (index >= 0)
        {
            return index;
        }

        lock (_shardsLock)
        {
            index = FindShard(loop);
            if (index < 0)
            {
                index = FindShard(null);
                if (index >= 0)
                {
                    _shards[index].Loop = loop;
                }
            }
        }

        // More loops than shards: theirs are walked by others' loops.
        return index >= 0 ? index : NextShard();
    }

    private int FindShard(PipeScheduler? loop) => Array.FindIndex(_shards, shard => ReferenceEquals(shard.Loop, loop));

    private int NextShard() => (int)((uint)Interlocked.Increment(ref _nextShard) % (uint)_shards.Length);
}
