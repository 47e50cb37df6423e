namespace PipeWs.Client;

/// <summary>Where a client is in its life.</summary>
public enum WsClientState
{
    /// <summary>Not started, or its start failed or was given up: it may be started.</summary>
    Created,

    /// <summary>It dials, shakes hands, or its ready handlers are at work.</summary>
    Connecting,

    /// <summary>There is a connection that is ready.</summary>
    Connected,

    /// <summary>It waits before the next attempt to connect.</summary>
    Waiting,

    /// <summary>It is being stopped.</summary>
    Stopping,

    /// <summary>It was stopped. For good.</summary>
    Stopped,

    /// <summary>It has given up connecting. For good.</summary>
    Failed,
}
