using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using PipeWs.Conformance.Deflate;
using PipeWs.Shared;

namespace PipeWs.Conformance.Matrix;

/// <summary>A peer's socket to the side under test, after the handshake.</summary>
internal sealed class CaseConnection : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly Func<Task>? _onDispose;
    private int _finished;

    /// <param name="socket">Connected; the connection owns it.</param>
    /// <param name="isServerUnderTest">Whether the peer is a client.</param>
    /// <param name="onDispose">Ends the side under test, where it must be.</param>
    public CaseConnection(Socket socket, bool isServerUnderTest, Func<Task>? onDispose = null)
    {
        socket.NoDelay = true;
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _onDispose = onDispose;
        _input = PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: 64 * 1024, leaveOpen: true));
        Peer = new RawPeer(new DuplexPipePair.End(_input, PipeWriter.Create(_stream, new StreamPipeWriterOptions(leaveOpen: true))), masks: isServerUnderTest);
    }

    public RawPeer Peer { get; }

    /// <summary>What was agreed on; null where messages are plain.</summary>
    public PeerCompression? Compression { get; set; }

    /// <summary>What was agreed on of the extensions the peer spoke of, in words.</summary>
    public string? Agreement { get; set; }

    /// <summary>Reads up to the empty line that ends a request or an answer.</summary>
    public async Task<string> ReadHeadAsync()
    {
        while (true)
        {
            ReadResult result = await _input.ReadAsync().AsTask().WaitAsync(s_patience);
            string text = Encoding.Latin1.GetString(result.Buffer);
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                _input.AdvanceTo(result.Buffer.GetPosition(end + 4));
                return text[..end];
            }

            _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted)
            {
                throw new InvalidDataException($"The handshake ended after: {text}");
            }
        }
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => _stream.WriteAsync(bytes);

    /// <summary>Ends the peer's side of the transport: a FIN.</summary>
    public void FinishSending()
    {
        if (Interlocked.Exchange(ref _finished, 1) == 0)
        {
            try
            {
                _socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // The other side was faster.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        if (_onDispose is not null)
        {
            await _onDispose();
        }
    }
}
