using System.Net;
using System.Net.Sockets;
using PipeWs.Transport.Hosting;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>How the event loops of <c>UsePipeWsTransport</c> work.</summary>
public sealed class PipeWsTransportOptions
{
    /// <summary>
    /// How many event loops there are, each a thread that owns a share of the connections: 1 to 1,024. Default: one for every processor that the process may use.
    /// </summary>
    public int LoopCount { get; set; } = Math.Min(Environment.ProcessorCount, 1024);

    /// <summary>How many connections the kernel holds at an endpoint that were not accepted yet, at least 1. It cuts this to <c>net.core.somaxconn</c>. Default: 512.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>Whether small pieces leave at once instead of waiting for the acknowledgement of those before (TCP_NODELAY). Default: <see langword="true"/>.</summary>
    public bool NoDelay { get; set; } = true;

    /// <summary>
    /// Whether several processes may listen at the same address and port, the kernel sharing the connections out among them (SO_REUSEPORT). Default: <see langword="false"/>.
    /// </summary>
    public bool ReusePort { get; set; }

    /// <summary>
    /// Whether everything that reads a connection goes on on its loop, HTTP and the application's own code above it included. Saves a thread hop for each request, and is for
    /// applications that never block: a loop that is kept too long is taken over by another thread (<see cref="StallTimeout"/>), but until then all its connections wait. Default: <see langword="false"/>.
    /// </summary>
    /// <remarks>PipeWs hubs go on on the loop whatever this says.</remarks>
    public bool UnsafePreferInlineScheduling { get; set; }

    /// <summary>
    /// How long the application's code may keep a loop's thread, from 10 ms; then another thread goes on with the loop, and a warning is logged. The connection whose code it is waits for it as
    /// it always does, the others no longer. <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Default: 100 ms.
    /// </summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long a loop that has nothing to do looks for more before it lets the kernel put it to sleep, 0 to 10 ms: saves the time of waking up, a few microseconds, and costs a processor. Default: 0.
    /// </summary>
    public TimeSpan SpinTime { get; set; }

    /// <summary>
    /// Whether what a room has for its members leaves by io_uring: hundreds of sends in one system call. Needs Linux 5.18, and a container that allows it.
    /// Default: <see cref="PipeWsIoUringUse.WhereAvailable"/>.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">When the server starts, with <see cref="PipeWsIoUringUse.Required"/>, where it cannot be used.</exception>
    public PipeWsIoUringUse IoUring { get; set; }

    /// <summary>
    /// Opens and binds the socket that is to listen at an endpoint: for options that connections inherit, such as the sizes of their buffers. Default: <see cref="CreateDefaultBoundListenSocket"/>,
    /// with <see cref="ReusePort"/>.
    /// </summary>
    public Func<EndPoint, Socket>? CreateBoundListenSocket { get; set; }

    /// <summary>
    /// Which endpoints this transport serves; Kestrel's own serves the others. Default: <see langword="null"/>, all that are TCP or Unix domain sockets.
    /// </summary>
    public Func<EndPoint, bool>? CanBind { get; set; }

    /// <summary>Opens and binds a socket as the transport does by itself: IPv6's any address takes IPv4 too.</summary>
    /// <param name="endPoint">An <see cref="IPEndPoint"/>, a <see cref="UnixDomainSocketEndPoint"/>, or a socket's handle that was passed on.</param>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static Socket CreateDefaultBoundListenSocket(EndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return ListeningSockets.Bind(endPoint, reusesPort: false);
    }
}
