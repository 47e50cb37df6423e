using System.IO.Pipelines;

namespace PipeWs.Client.Dialing;

/// <summary>A stream as the two pipes that a connection works on. The input's end disposes the stream: a connection completes it last.</summary>
internal sealed class StreamDuplexPipe(Stream stream) : IDuplexPipe
{
    // One read takes what a burst of small messages is made of. Read into at once: asking first whether there is anything costs a call to the kernel for each read,
    // and wins memory that matters to a server with its thousands of idle connections.
    private const int ReadBytes = 32 * 1024;
    private const int MinReadBytes = 4 * 1024;

    private static readonly StreamPipeReaderOptions s_readerOptions = new(bufferSize: ReadBytes, minimumReadSize: MinReadBytes, leaveOpen: false, useZeroByteReads: false);

    public PipeReader Input { get; } = PipeReader.Create(stream, s_readerOptions);

    public PipeWriter Output { get; } = new StreamPipeOutput(stream);
}
