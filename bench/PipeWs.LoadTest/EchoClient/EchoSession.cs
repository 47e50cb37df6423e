using System.Buffers;
using PipeWs.Client;
using PipeWs.Client.Dialing;

namespace PipeWs.LoadTest.EchoClient;

/// <summary>
/// One connection to a suite, from its handshake to its end, which is the suite's to cause: it closes, breaks the protocol, or goes away. Whatever it does, the client
/// answers as RFC 6455 says; what of its own wishes could be taken for an answer is off: no reconnect, no pings, no limit that a suite comes near, all the time it wants.
/// </summary>
internal sealed class EchoSession : IMessageHandler
{
    /// <summary>The largest message a suite may send, in bytes; the public ones stay at 16 MiB.</summary>
    public const int MaxMessageBytes = 256 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    private readonly WsClient _client;
    private readonly bool _echoes;
    private byte[] _gathered = [];

    private EchoSession(Uri url, bool echoes)
    {
        _echoes = echoes;
        _client = new WsClient(CreateOptions(url, this));
    }

    /// <summary>The last message that was not echoed.</summary>
    private byte[]? Told { get; set; }

    /// <summary>Echoes every message until the connection ends.</summary>
    /// <returns>How it ended.</returns>
    /// <exception cref="WsDialException">There was no connection.</exception>
    public static async Task<WsDisconnect> EchoAsync(Uri url, CancellationToken cancellationToken)
    {
        var session = new EchoSession(url, echoes: true);
        return await session.RunAsync(cancellationToken);
    }

    /// <summary>Listens until the connection ends.</summary>
    /// <returns>The last message; null where there was none.</returns>
    /// <inheritdoc cref="EchoAsync" path="/exception"/>
    public static async Task<byte[]?> ListenAsync(Uri url, CancellationToken cancellationToken)
    {
        var session = new EchoSession(url, echoes: false);
        await session.RunAsync(cancellationToken);
        return session.Told;
    }

    ValueTask IMessageHandler.OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken)
    {
        if (!_echoes)
        {
            Told = payload.ToArray();
            return default;
        }

        // No token: a message that came before the end is answered before it, if the transport still takes it.
        return _client.SendAsync(payload.IsSingleSegment ? payload.First : Gather(payload), type, CancellationToken.None);
    }

    private static WsClientOptions CreateOptions(Uri url, IMessageHandler handler) => new()
    {
        Endpoints = { url },
        MessageHandler = handler,
        ReconnectPolicy = WsReconnectPolicy.Never,
        ShouldReconnect = static _ => false,
        MaxMessageBytes = MaxMessageBytes,
        PingInterval = Timeout.InfiniteTimeSpan,
        FrameTimeout = Patience,
        WriteTimeout = Patience,

        // Offers permessage-deflate, and takes whatever parameters the suite answers with.
        Compression = new WsCompressionOptions { ServerContextTakeover = true, ClientContextTakeover = true },
    };

    private async Task<WsDisconnect> RunAsync(CancellationToken cancellationToken)
    {
        await using WsClient client = _client;
        await client.StartAsync(cancellationToken);
        try
        {
            // Messages go to the handler: what is awaited is the end.
            await client.WaitToReadAsync(cancellationToken);
            throw new InvalidOperationException("A client that nobody stopped has stopped.");
        }
        catch (WsClientFailedException e)
        {
            return e.Disconnect!;
        }
    }

    private ReadOnlyMemory<byte> Gather(in ReadOnlySequence<byte> payload)
    {
        int length = (int)payload.Length;
        if (_gathered.Length < length)
        {
            _gathered = GC.AllocateUninitializedArray<byte>(length);
        }

        payload.CopyTo(_gathered);
        return _gathered.AsMemory(0, length);
    }
}
