namespace PipeWs.Demo.Market;

/// <summary>Where a desk's market comes from.</summary>
public interface IMarketSource
{
    /// <summary>The symbols it speaks of; their indexes are their places in this list.</summary>
    IReadOnlyList<Symbol> Symbols { get; }

    /// <summary>Creates the feed.</summary>
    /// <param name="services">The desk's services; the sink among them.</param>
    IMarketFeed CreateFeed(IServiceProvider services);
}
