namespace PipeWs.Server.Tests.Support;

/// <summary>The ways into a hub.</summary>
public enum Door
{
    /// <summary>UsePipeWs beside HTTP.</summary>
    Fast,

    /// <summary>PipeWsConnectionHandler, no HTTP beneath.</summary>
    Handler,

    /// <summary>MapPipeWs on HTTP/1.1.</summary>
    Mapped,

    /// <summary>MapPipeWs on HTTP/2, by extended CONNECT: no raw peer speaks it.</summary>
    MappedH2,
}
