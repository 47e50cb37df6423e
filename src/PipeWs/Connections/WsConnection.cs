using System.IO.Pipelines;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>
/// A WebSocket connection over any duplex pipe, in either role, from the end of the handshake to the end of the transport. RFC 6455.
/// Messages are received by one loop (<see cref="RunAsync"/>) and may be sent by any thread at any time. Every member is safe from any thread.
/// </summary>
/// <remarks>
/// The bytes that leave are written by whoever holds the connection's turn; whoever finds it taken leaves its message in a mailbox, or its
/// <see cref="WsOutboundSource"/> on a list, and the holder takes care of all of it in one write. No lock, no thread and no timer of its own.
/// </remarks>
public sealed partial class WsConnection : IAsyncDisposable, IWsBatchWork
{
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly WsConnectionOptions _options;
    private readonly WsHeartbeat _heartbeat;
    private readonly IWsTransport? _transport;
    private readonly bool _isServer;
    private readonly ConnectionCompression? _compression;
    private readonly PipeScheduler? _loop;
    private WsReceiver? _receiver;
    private int _running;

    /// <summary>Takes over a transport whose handshake is done.</summary>
    /// <param name="transport">Where bytes come from and go to. The connection completes both sides.</param>
    /// <param name="role">Which end this is.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="heartbeat">What drives keep-alive and timeouts; shared by all connections of a service.</param>
    /// <param name="abortTransport">Drops the transport at once; null where completing the pipes does.</param>
    /// <param name="compression">What the handshake agreed on about permessage-deflate (RFC 7692); null where it did not.</param>
    /// <param name="loop">
    /// The event loop that owns the transport: reads that are begun there go on there, and so the receiver is called there, as long as it does not wait. Null where the transport has none.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A size is less than it may be, or a time longer than timers count; or compression was agreed on, and <see cref="WsConnectionOptions.Compression"/> has a value that is not allowed.
    /// </exception>
    public WsConnection(
        IDuplexPipe transport,
        WsRole role,
        WsConnectionOptions options,
        WsHeartbeat heartbeat,
        Action<Exception?>? abortTransport = null,
        DeflateParameters? compression = null,
        PipeScheduler? loop = null)
        : this(transport, role, options, heartbeat, abortTransport is null ? null : new DelegatedTransport(abortTransport), compression, loop)
    {
    }

    /// <inheritdoc cref="WsConnection(IDuplexPipe, WsRole, WsConnectionOptions, WsHeartbeat, Action{Exception?}?, DeflateParameters?, PipeScheduler?)"/>
    internal WsConnection(
        IDuplexPipe transport,
        WsRole role,
        WsConnectionOptions options,
        WsHeartbeat heartbeat,
        IWsTransport? control,
        DeflateParameters? compression,
        PipeScheduler? loop)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(heartbeat);
        options.ThrowIfInvalid();
        _input = transport.Input;
        _output = transport.Output;
        _options = options;
        _heartbeat = heartbeat;
        _transport = control;
        _isServer = role == WsRole.Server;
        _loop = loop;
        if (compression is { } agreed)
        {
            _compression = new ConnectionCompression(_isServer, agreed, options.Compression ?? new WsCompressionOptions(), options.CompressionCounters);
        }
    }

    /// <summary>Which end this is.</summary>
    public WsRole Role => _isServer ? WsRole.Server : WsRole.Client;

    /// <summary>Whether the handshake agreed on compression.</summary>
    public bool IsCompressed => _compression is not null;

    /// <summary>What it knows of compression; null where there is none.</summary>
    internal ConnectionCompression? Compression => _compression;

    /// <summary>
    /// Receives until the connection ends, giving every message to <paramref name="receiver"/>, and sees the closing handshake through. Called once.
    /// </summary>
    /// <returns>How it ended. Does not throw for anything that a peer or the transport does.</returns>
    public async Task<WsCloseInfo> RunAsync(WsReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        Start(receiver);
        await Finished;
        return await Closed;
    }

    /// <summary>Closes with 1001 where it is still open, and waits for the end. One that was never run is aborted.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _running, 1) != 0)
        {
            await CloseAsync(CloseCode.GoingAway, "");
            return;
        }

        Abort();
        await CompleteInputAsync();
        SetClosed();
    }
}
