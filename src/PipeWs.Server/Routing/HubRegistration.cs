namespace PipeWs.Server.Routing;

/// <summary>What the application registered for one hub, under the hub's name in the options; read once when the hub starts.</summary>
internal sealed partial class HubRegistration
{
    /// <summary>Takes all text messages; null where they are JSON.</summary>
    public Func<WsMessageContext, ValueTask>? OnText { get; set; }

    /// <summary>Takes all binary messages; null where there are none.</summary>
    public Func<WsMessageContext, ValueTask>? OnBinary { get; set; }

    /// <summary>The JSON actions.</summary>
    public List<Route> Actions { get; } = [];
}
