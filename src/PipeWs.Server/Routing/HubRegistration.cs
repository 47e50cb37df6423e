namespace PipeWs.Server.Routing;

/// <summary>What the application registered for one hub, under the hub's name in the options; read once when the hub starts.</summary>
internal sealed partial class HubRegistration
{
    /// <summary>Takes all text messages; null where they are JSON.</summary>
    public Func<WsMessageContext, ValueTask>? OnText { get; set; }

    /// <summary>Takes all binary messages; null where there are none.</summary>
    public Func<WsMessageContext, ValueTask>? OnBinary { get; set; }

    /// <summary>Takes all text messages in parts; null where they come whole.</summary>
    public Func<WsMessageContext, ValueTask>? OnTextParts { get; set; }

    /// <summary>Takes all binary messages in parts; null where they come whole.</summary>
    public Func<WsMessageContext, ValueTask>? OnBinaryParts { get; set; }

    /// <summary>Whether text messages are the application's alone: there are no JSON messages then.</summary>
    public bool TakesRawText => OnText is not null || OnTextParts is not null;

    /// <summary>The JSON actions.</summary>
    public List<Route> Actions { get; } = [];
}
