using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using PipeWs.Protocol.Framing;

namespace PipeWs.Server.Tests.Support;

/// <summary>A peer that sends literal bytes and reads HTTP answers and frames. Whatever does not come in time fails the test.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    public const string Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    private readonly Stream _stream;
    private readonly PipeReader _input;

    private RawPeer(Socket socket, Stream stream)
    {
        Socket = socket;
        _stream = stream;
        _input = PipeReader.Create(stream);
    }

    public Socket Socket { get; }

    /// <param name="port">The server's.</param>
    /// <param name="isSecure">Whether over TLS.</param>
    /// <param name="receiveBufferBytes">How much the kernel takes for a peer that does not read; 0 for what it likes.</param>
    public static async Task<RawPeer> ConnectAsync(int port, bool isSecure = false, int receiveBufferBytes = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBufferBytes > 0)
        {
            socket.ReceiveBufferSize = receiveBufferBytes;
        }

        await socket.ConnectAsync(IPAddress.Loopback, port);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (isSecure)
        {
            var tls = new SslStream(stream, leaveInnerStreamOpen: false, static (_, certificate, _, _) => TestCertificate.IsIt(certificate));
            using var patience = new CancellationTokenSource(Patience);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", ApplicationProtocols = [SslApplicationProtocol.Http11] }, patience.Token);
            stream = tls;
        }

        return new RawPeer(socket, stream);
    }

    /// <summary>A good handshake, with some lines replaced; null leaves one out.</summary>
    public static string Handshake(
        string line = "GET /ws HTTP/1.1",
        string? host = "Host: localhost",
        string? connection = "Connection: Upgrade",
        string? upgrade = "Upgrade: websocket",
        string? version = "Sec-WebSocket-Version: 13",
        string? key = "Sec-WebSocket-Key: " + Key,
        string? more = null) =>
        string.Join("\r\n", new[] { line, host, connection, upgrade, version, key, more }.Where(part => part is not null)) + "\r\n\r\n";

    /// <summary>Sends text, one byte a character.</summary>
    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(byte[] bytes)
    {
        using var patience = new CancellationTokenSource(Patience);
        await _stream.WriteAsync(bytes, patience.Token);
    }

    /// <summary>Sends as long as the server takes it: it may have refused and closed already.</summary>
    public async Task TrySendAsync(string text)
    {
        try
        {
            await SendAsync(text);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>Sends a masked frame.</summary>
    public Task SendFrameAsync(Opcode opcode, ReadOnlySpan<byte> payload, bool fin = true, byte rsv = 0) => SendAsync(Frame(opcode, payload, fin, rsv));

    /// <summary>A masked frame's bytes.</summary>
    public static byte[] Frame(Opcode opcode, ReadOnlySpan<byte> payload, bool fin = true, byte rsv = 0)
    {
        byte[] key = [0x11, 0x22, 0x33, 0x44];
        Span<byte> header = stackalloc byte[FrameHeader.MaxLength];
        int length = FrameHeader.WriteMasked(header, opcode, payload.Length, BitConverter.ToUInt32(key), fin, rsv);
        byte[] frame = [.. header[..length], .. payload];
        for (int i = 0; i < payload.Length; i++)
        {
            frame[length + i] ^= key[i % 4];
        }

        return frame;
    }

    /// <summary>Opens the WebSocket.</summary>
    public async Task UpgradeAsync(string? handshake = null)
    {
        await SendAsync(handshake ?? Handshake());
        HttpAnswer answer = await ReadAnswerAsync();
        Assert.Equal(101, answer.StatusCode);
        Assert.Equal(Accept, answer["Sec-WebSocket-Accept"]);
    }

    /// <summary>Reads an HTTP answer, with its body where it has a Content-Length.</summary>
    public async Task<HttpAnswer> ReadAnswerAsync()
    {
        string head = await ReadAsync<string>(static buffer =>
        {
            var reader = new SequenceReader<byte>(buffer);
            return reader.TryReadTo(out ReadOnlySequence<byte> head, "\r\n\r\n"u8) ? (Encoding.Latin1.GetString(head), reader.Consumed) : null;
        });
        var answer = HttpAnswer.Parse(head);
        if (answer.StatusCode >= 200 && int.TryParse(answer["Content-Length"], CultureInfo.InvariantCulture, out int length) && length > 0)
        {
            answer = answer with { Body = Encoding.UTF8.GetString(await ReadBytesAsync(length)) };
        }

        return answer;
    }

    /// <summary>Reads a frame; the payload is unmasked where it is masked.</summary>
    public Task<RawFrame> ReadFrameAsync() => ReadAsync<RawFrame>(static buffer =>
    {
        byte[] bytes = buffer.Slice(0, Math.Min(buffer.Length, FrameHeader.MaxLength)).ToArray();
        if (!FrameHeader.TryRead(bytes, out FrameHeader header) || buffer.Length < header.Length + (long)header.PayloadLength)
        {
            return null;
        }

        byte[] payload = buffer.Slice(header.Length, (long)header.PayloadLength).ToArray();
        return (new RawFrame(header.Opcode, header.Fin, header.Rsv, header.Masked, payload), header.Length + (long)header.PayloadLength);
    });

    public Task<byte[]> ReadBytesAsync(int count) => ReadAsync<byte[]>(buffer => buffer.Length >= count ? (buffer.Slice(0, count).ToArray(), count) : null);

    /// <summary>Reads what is left until the server closes; a reset counts as closing.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync(patience.Token);
            }
            catch (IOException)
            {
                return [];
            }

            if (result.IsCompleted)
            {
                byte[] rest = result.Buffer.ToArray();
                _input.AdvanceTo(result.Buffer.End);
                return rest;
            }

            _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>Expects the server to close without another byte.</summary>
    public async Task AssertClosedAsync() => Assert.Empty(await ReadToEndAsync());

    /// <summary>Resets the connection.</summary>
    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Close();
    }

    public async ValueTask DisposeAsync()
    {
        await _input.CompleteAsync();
        await _stream.DisposeAsync();
    }

    private async Task<T> ReadAsync<T>(Func<ReadOnlySequence<byte>, (T Value, long Consumed)?> tryTake)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            ReadResult result = await _input.ReadAsync(patience.Token);
            if (tryTake(result.Buffer) is { } taken)
            {
                _input.AdvanceTo(result.Buffer.GetPosition(taken.Consumed));
                return taken.Value;
            }

            string soFar = Encoding.Latin1.GetString(result.Buffer.Slice(0, Math.Min(result.Buffer.Length, 500)));
            _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            Assert.False(result.IsCompleted, $"The server closed the connection after: {soFar}");
        }
    }
}

/// <summary>A frame as it was on the wire, unmasked.</summary>
internal sealed record RawFrame(Opcode Opcode, bool Fin, byte Rsv, bool Masked, byte[] Payload)
{
    public string Text => Encoding.UTF8.GetString(Payload);

    /// <summary>The code of a close frame; 1005 where it has none.</summary>
    public int CloseCode => Payload.Length < 2 ? 1005 : (Payload[0] << 8) | Payload[1];
}

/// <summary>An HTTP answer.</summary>
internal sealed record HttpAnswer(int StatusCode, IReadOnlyDictionary<string, string> Headers, string Body = "")
{
    public string? this[string name] => Headers.GetValueOrDefault(name);

    public static HttpAnswer Parse(string head)
    {
        string[] lines = head.Split("\r\n");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':');
            string name = line[..colon];
            string value = line[(colon + 1)..].Trim();
            headers[name] = headers.TryGetValue(name, out string? before) ? before + ", " + value : value;
        }

        return new HttpAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers);
    }
}
