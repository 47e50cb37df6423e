namespace PipeWs.Server;

/// <summary>The names under which the server can be observed: <c>AddMeter(WsDiagnostics.MeterName)</c>, <c>AddSource(WsDiagnostics.ActivitySourceName)</c>.</summary>
public static class WsDiagnostics
{
    /// <summary>The meter of all hubs, made by the application's IMeterFactory: <c>PipeWs.Server</c>.</summary>
    public const string MeterName = "PipeWs.Server";

    /// <summary>The source of the activities of connections and messages: <c>PipeWs.Server</c>.</summary>
    public const string ActivitySourceName = "PipeWs.Server";
}
