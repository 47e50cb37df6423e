using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PipeWs.Testing;

/// <summary>A connection of a <see cref="WsScriptedServer"/>, from its first byte on. Used by one caller at a time.</summary>
public sealed class WsScriptedConnection : IAsyncDisposable
{
    private const string KeyGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private readonly WsScriptedServer _server;
    private readonly PeerTransport _transport;
    private WsTestPeer? _peer;
    private bool _isOver;

    internal WsScriptedConnection(WsScriptedServer server, PeerTransport transport)
    {
        _server = server;
        _transport = transport;
    }

    /// <summary>The last request that was read; null before the first.</summary>
    public WsScriptedRequest? Request { get; private set; }

    /// <summary>The right <c>Sec-WebSocket-Accept</c> to the request's key, for answers that a test writes itself. RFC 6455, section 4.2.2.</summary>
    /// <exception cref="WsAssertionException">The request has no key.</exception>
    public string Accept
    {
        get
        {
            string key = Request?.Headers.GetValueOrDefault("Sec-WebSocket-Key") ?? throw new WsAssertionException($"No handshake with a key has come: {Request}");
#pragma warning disable CA5350 // RFC 6455 asks for SHA-1; nothing secret rests on it.
            return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + KeyGuid)));
#pragma warning restore CA5350
        }
    }

    /// <summary>Reads a request and its body; the next one, where one was answered on this connection before.</summary>
    /// <exception cref="WsAssertionException">None came in time, or it was not HTTP.</exception>
    public async Task<WsScriptedRequest> ReadRequestAsync(CancellationToken cancellationToken = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_server.Patience);
        try
        {
            HttpHead head = await HttpHead.ReadAsync(_transport.Input, patience.Token);
            string[] line = head.FirstLine.Split(' ');
            if (line.Length != 3)
            {
                throw new WsAssertionException($"A request came that is not HTTP/1: {head.FirstLine}");
            }

            string body = await head.ReadBodyAsync(_transport.Input, endsWithConnection: false, patience.Token);
            return Request = new WsScriptedRequest(line[0], line[1], head.Headers, body);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new WsAssertionException($"No whole request came within {_server.Patience}.");
        }
    }

    /// <summary>Sends bytes as they are: an answer that is wrong, half of one, or slow.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="chunkBytes">How many go at a time.</param>
    public async Task SendBytesAsync(ReadOnlyMemory<byte> bytes, int chunkBytes = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkBytes, 1);
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(chunkBytes, bytes.Length);
            _transport.Output.Write(bytes.Span[..length]);
            await _transport.Output.FlushAsync().AsTask().WaitAsync(_server.Patience);
            bytes = bytes[length..];
        }
    }

    /// <summary>Answers the handshake with a 101 and gives the server's end of the WebSocket.</summary>
    /// <param name="subprotocol">The subprotocol chosen, offered or not; null for none.</param>
    /// <param name="headers">Further headers, line by line, such as <c>Sec-WebSocket-Extensions: permessage-deflate</c>.</param>
    /// <param name="firstFrames">What leaves in the same packet as the answer, such as a welcome.</param>
    /// <param name="peer">What the peer does by itself; null for the defaults.</param>
    /// <exception cref="WsAssertionException">The request has no key.</exception>
    public async Task<WsTestPeer> AcceptHandshakeAsync(string? subprotocol = null, IReadOnlyList<string>? headers = null, IReadOnlyList<WsRawFrame>? firstFrames = null, WsTestPeerOptions? peer = null)
    {
        var answer = new StringBuilder("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        answer.Append("Sec-WebSocket-Accept: ").Append(Accept).Append("\r\n");
        foreach (string header in (string[])[.. subprotocol is null ? [] : (string[])[$"Sec-WebSocket-Protocol: {subprotocol}"], .. headers ?? []])
        {
            answer.Append(header).Append("\r\n");
        }

        byte[] head = Encoding.Latin1.GetBytes(answer.Append("\r\n").ToString());
        await SendBytesAsync((byte[])[.. head, .. (firstFrames ?? []).SelectMany(static frame => frame.ToBytes())]);
        return TakePeer(peer);
    }

    /// <summary>Takes the connection for a WebSocket from here on, whatever was answered.</summary>
    /// <param name="options">What the peer does by itself; null for the defaults.</param>
    public WsTestPeer TakePeer(WsTestPeerOptions? options = null) => _peer ??= new WsTestPeer(_transport, WsRole.Server, options ?? new WsTestPeerOptions { Patience = _server.Patience });

    /// <summary>Answers the request with an HTTP answer: a refusal of the handshake, a redirect, or a token. The connection stays open for the next request.</summary>
    /// <param name="statusCode">The status code.</param>
    /// <param name="body">The body.</param>
    /// <param name="contentType">The body's type.</param>
    /// <param name="headers">Further headers, line by line, such as <c>Retry-After: 5</c>.</param>
    public Task RespondAsync(int statusCode, string body = "", string contentType = "text/plain; charset=utf-8", params IReadOnlyList<string> headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        byte[] content = Encoding.UTF8.GetBytes(body);
        var answer = new StringBuilder();
        answer.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {statusCode} Scripted\r\nContent-Type: {contentType}\r\nContent-Length: {content.Length}\r\n");
        foreach (string header in headers)
        {
            answer.Append(header).Append("\r\n");
        }

        return SendBytesAsync((byte[])[.. Encoding.Latin1.GetBytes(answer.Append("\r\n").ToString()), .. content]);
    }

    /// <summary>Ends what the server sends, without a close frame: a FIN. The client may go on sending.</summary>
    public void Finish()
    {
        if (_peer is { } peer)
        {
            peer.Finish();
        }
        else if (!_isOver)
        {
            _isOver = true;
            _transport.Finish();
        }
    }

    /// <summary>Drops the transport without a goodbye: a reset.</summary>
    public void Abort()
    {
        if (_peer is { } peer)
        {
            peer.Abort();
        }
        else
        {
            _isOver = true;
            _transport.Abort(new IOException("The connection was reset by the peer."));
        }
    }

    /// <summary>Drops the transport where it is still there.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_peer is { } peer)
        {
            await peer.DisposeAsync();
        }

        _transport.Abort(new IOException("The server was disposed of."));
    }
}

/// <summary>An HTTP request that came.</summary>
/// <param name="Method">The method.</param>
/// <param name="Target">The target, query included.</param>
/// <param name="Headers">The headers; those that came several times with a comma between. Names are compared in any case.</param>
/// <param name="Body">The body, where it has a Content-Length.</param>
public sealed record WsScriptedRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>Request line, headers and body.</summary>
    public override string ToString() => $"{Method} {Target}\n{string.Concat(Headers.Select(static header => $"{header.Key}: {header.Value}\n"))}\n{Body}".TrimEnd();
}
