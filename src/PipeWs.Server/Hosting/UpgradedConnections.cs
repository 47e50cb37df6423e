using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace PipeWs.Server;

/// <summary>
/// Holds KestrelServerLimits.MaxConcurrentUpgradedConnections for the connections of all doors and hubs. Kestrel's own counter cannot be
/// reached, and counts only what is upgraded through HTTP.
/// </summary>
internal sealed class UpgradedConnections(IOptions<KestrelServerOptions> options)
{
    private long _count;

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _count) <= (options.Value.Limits.MaxConcurrentUpgradedConnections ?? long.MaxValue))
        {
            return true;
        }

        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _count);
}
