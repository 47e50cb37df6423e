namespace PipeWs.Server;

/// <summary>Where a hub's messages are handled on Kestrel's own sockets: what is dearer, the time of each or the safety of all.</summary>
public enum WsLatencyMode
{
    /// <summary>
    /// On the thread pool, as Kestrel does by itself. A handler may block; it then holds one thread of the pool.
    /// </summary>
    Balanced,

    /// <summary>
    /// On the thread that found the socket ready: saves one hop between threads for what comes in, and one for what goes out through the pipe. Sets
    /// <c>SocketTransportOptions.UnsafePreferInlineScheduling</c>, which is the whole server's, HTTP included. For handlers, of every hub and of every endpoint, that never block: with
    /// <c>EnableInlineSockets</c> one that does keeps every connection waiting that its thread looks after. On Linux what is sent straight to a socket, up to 16 KiB at a time, is sent without telling
    /// the garbage collector, which then waits for the microseconds that a send takes; those sends are not in the runtime's own <c>bytes-sent</c>.
    /// </summary>
    LowLatency,
}
