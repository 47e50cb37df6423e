using PipeWs.Demo.Market;

namespace PipeWs.Demo.Desk;

/// <summary>Runs the feed while the desk is open: from the moment its port is, so that whoever waits for it misses nothing of the first round.</summary>
public sealed class FeedService(IMarketFeed feed, IHostApplicationLifetime lifetime) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(feed.Start);
        lifetime.ApplicationStopping.Register(feed.Stop);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        feed.Stop();
        return Task.CompletedTask;
    }
}
