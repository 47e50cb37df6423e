using System.Buffers;
using PipeWs.Protocol.Framing;

namespace PipeWs;

/// <summary>
/// Sends one message in parts, each as a fragment, where the whole is too large to hold or not known yet. Used by one caller at a time.
/// While it is under way, other messages of the connection wait, and control frames pass between its fragments.
/// </summary>
public sealed class WsMessageWriter : IAsyncDisposable
{
    private readonly WsConnection _connection;
    private readonly WsMessageType _type;
    private readonly bool _neverCompress;
    private bool _begun;
    private bool _completed;

    /// <summary>What waits until this message is whole. Of the holder of the connection's turn.</summary>
    internal OutboundNode? HeldBack;

    /// <inheritdoc cref="HeldBack"/>
    internal OutboundNode? HeldBackTail;

    internal WsMessageWriter(WsConnection connection, WsMessageType type, WsSendOptions options)
    {
        _neverCompress = options.NeverCompress;
        _connection = connection;
        _type = type;
    }

    /// <summary>Sends a fragment; completes when the transport has taken it, and no longer needs the bytes.</summary>
    /// <exception cref="InvalidOperationException">The message was completed.</exception>
    /// <exception cref="WsClosedException">The connection is closing or closed.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> part) => SendAsync(new ReadOnlySequence<byte>(part), fin: false);

    /// <summary>Sends the last fragment, which may be empty, and so completes the message.</summary>
    /// <inheritdoc cref="WriteAsync"/>
    public ValueTask CompleteAsync(ReadOnlyMemory<byte> lastPart = default) => SendAsync(new ReadOnlySequence<byte>(lastPart), fin: true);

    /// <summary>
    /// Ends the use of the writer. A message that was begun and not completed cannot be taken back (RFC 6455 has no frame for it): the connection is then closed with 1011.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        if (_begun && !_completed)
        {
            _completed = true;
            _connection.AbandonMessage();
        }

        return default;
    }

    private ValueTask SendAsync(in ReadOnlySequence<byte> part, bool fin)
    {
        if (_completed)
        {
            throw new InvalidOperationException("The message was completed; begin another.");
        }

        Opcode opcode = _begun ? Opcode.Continuation : _type == WsMessageType.Text ? Opcode.Text : Opcode.Binary;
        _begun = true;
        _completed = fin;
        return _connection.SendLentAsync(opcode, fin, part, this, _neverCompress);
    }
}
