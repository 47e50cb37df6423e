namespace PipeWs.Server.Diagnostics;

/// <summary>A sum of what went through connections.</summary>
internal readonly record struct HubTraffic(int Connections, long MessagesReceived, long BytesReceived, long MessagesSent, long BytesSent, long Pings)
{
    public static HubTraffic operator +(in HubTraffic a, in HubTraffic b) => new(
        a.Connections + b.Connections,
        a.MessagesReceived + b.MessagesReceived,
        a.BytesReceived + b.BytesReceived,
        a.MessagesSent + b.MessagesSent,
        a.BytesSent + b.BytesSent,
        a.Pings + b.Pings);

    /// <summary>What went through one open connection.</summary>
    internal static HubTraffic Of(WsConnection connection) =>
        new(1, connection.MessagesReceived, connection.BytesReceived, connection.MessagesSent, connection.BytesSent, connection.PingsSent);
}
