using System.IO.Pipelines;

namespace PipeWs.Shared;

/// <summary>Two ends of a transport in memory: what one writes the other reads.</summary>
internal sealed class DuplexPipePair
{
    private DuplexPipePair(IDuplexPipe connection, IDuplexPipe peer)
    {
        Connection = connection;
        Peer = peer;
    }

    /// <summary>The end of what is tested.</summary>
    public IDuplexPipe Connection { get; }

    /// <summary>The other end, of the test.</summary>
    public IDuplexPipe Peer { get; }

    public static DuplexPipePair Create(PipeOptions? toConnection = null, PipeOptions? toPeer = null)
    {
        var incoming = new Pipe(toConnection ?? PipeOptions.Default);
        var outgoing = new Pipe(toPeer ?? PipeOptions.Default);
        return new DuplexPipePair(new End(incoming.Reader, outgoing.Writer), new End(outgoing.Reader, incoming.Writer));
    }

    /// <summary>A pipe in segments of 16 bytes that holds its writer up from so many unread bytes on.</summary>
    public static PipeOptions Tiny(int pauseBytes) =>
        new(pauseWriterThreshold: pauseBytes, resumeWriterThreshold: Math.Max(1, pauseBytes / 2), minimumSegmentSize: 16, useSynchronizationContext: false);

    /// <summary>A pipe that takes whatever is written.</summary>
    public static PipeOptions Endless() => new(pauseWriterThreshold: 0, useSynchronizationContext: false);

    internal sealed class End(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;

        public PipeWriter Output { get; } = output;
    }
}
