namespace PipeWs.Server.Diagnostics;

/// <summary>A sum of what connections compressed and inflated, and how many agreed to.</summary>
/// <param name="Open">How many open ones did.</param>
/// <param name="Opened">How many did, ended ones included.</param>
/// <param name="Traffic">What went through them.</param>
internal readonly record struct HubCompression(int Open, long Opened, CompressionTraffic Traffic)
{
    public static HubCompression operator +(in HubCompression a, in HubCompression b) => new(a.Open + b.Open, a.Opened + b.Opened, a.Traffic + b.Traffic);
}
