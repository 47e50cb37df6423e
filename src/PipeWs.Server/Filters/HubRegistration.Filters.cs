using PipeWs.Server.Filters;

namespace PipeWs.Server.Routing;

internal sealed partial class HubRegistration
{
    /// <summary>The filters of all messages, the outermost first.</summary>
    public List<MessageFilterFactory> MessageFilters { get; } = [];

    /// <summary>The filters of connections, the outermost first.</summary>
    public List<ConnectionFilterFactory> ConnectionFilters { get; } = [];

    /// <summary>The limits that routes may name.</summary>
    public Dictionary<string, WsRateLimitOptions> RateLimits { get; } = new(StringComparer.Ordinal);
}
