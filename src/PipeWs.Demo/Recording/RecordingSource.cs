using PipeWs.Demo.Market;

namespace PipeWs.Demo.Recording;

/// <summary>A market that is replayed from a recording.</summary>
/// <param name="recording">The recording.</param>
/// <param name="speed">Its seconds per second; more than zero.</param>
public sealed class RecordingSource(MarketRecording recording, double speed) : IMarketSource
{
    /// <inheritdoc/>
    public IReadOnlyList<Symbol> Symbols => recording.Symbols;

    /// <inheritdoc/>
    public IMarketFeed CreateFeed(IServiceProvider services) => new ReplayFeed(
        recording, services.GetRequiredService<IMarketSink>(), services.GetRequiredService<TimeProvider>(), speed, services.GetRequiredService<ILogger<ReplayFeed>>());
}
