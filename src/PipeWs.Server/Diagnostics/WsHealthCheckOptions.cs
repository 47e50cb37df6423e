namespace PipeWs.Server;

/// <summary>When a hub's health check says what.</summary>
public sealed class WsHealthCheckOptions
{
    /// <summary>
    /// From which share of <see cref="PipeWsOptions.MaxConnections"/> on the hub is degraded: more than 0 and at most 1. Default 0.9. Connections in the last step of their
    /// handshake count.
    /// </summary>
    public double DegradedConnections { get; set; } = 0.9;
}
