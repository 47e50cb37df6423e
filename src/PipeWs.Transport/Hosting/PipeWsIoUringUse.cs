namespace Microsoft.AspNetCore.Hosting;

/// <summary>Whether the event loops of <c>UsePipeWsTransport</c> send what a room's walk has for many connections by io_uring.</summary>
public enum PipeWsIoUringUse
{
    /// <summary>Where the kernel has what it takes and lets this process use it; the log says so at start, or why not. The default.</summary>
    WhereAvailable,

    /// <summary>Not at all: every send is a system call of its own.</summary>
    Never,

    /// <summary>Or not at all: where it cannot be used, the server does not start.</summary>
    Required,
}
