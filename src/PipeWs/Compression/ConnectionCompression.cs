using PipeWs.Protocol.Compression;

namespace PipeWs;

/// <summary>
/// What a connection that agreed on permessage-deflate knows of it. The sending half belongs to the holder of the connection's turn, the receiving half to its loop.
/// </summary>
internal sealed partial class ConnectionCompression
{
    private readonly CompressionCounters _counters;
    private readonly int _level;
    private readonly int _thresholdBytes;
    private readonly int _sendWindowBits;
    private readonly int _sharedWindowBits;
    private readonly bool _keepsSent;
    private readonly bool _keepsReceived;
    private MessageDeflater? _deflater;
    private MessageInflater? _inflater;

    internal ConnectionCompression(bool isServer, in DeflateParameters agreed, WsCompressionOptions options, CompressionCounters counters)
    {
        options.ThrowIfNotAllowed();
        _counters = counters;
        _level = options.Level;

        // No message is shorter than none.
        _thresholdBytes = Math.Max(1, options.ThresholdBytes);
        _sendWindowBits = isServer ? agreed.ServerMaxWindowBits : agreed.ClientMaxWindowBits;
        (bool forgetsSent, bool forgetsReceived) = isServer
            ? (agreed.ServerNoContextTakeover, agreed.ClientNoContextTakeover)
            : (agreed.ClientNoContextTakeover, agreed.ServerNoContextTakeover);
        _sharedWindowBits = FindSharedWindowBits(_sendWindowBits, isServer ? options.ServerMaxWindowBits : options.ClientMaxWindowBits);
        bool wantsContext = isServer ? options.ServerContextTakeover : options.ClientContextTakeover;

        // Who may keep his context need not: the receiver is told nothing by it that it must act on.
        _keepsSent = !forgetsSent && wantsContext;
        _keepsReceived = !forgetsReceived;
    }

    /// <summary>What was counted of the message that is being received. Of the receive loop.</summary>
    internal InflatedCounts Received;

    /// <summary>
    /// The inflater of the message that is being received: of the widest window, whatever was agreed. With a smaller one, what points back too far passes where zlib still has the bytes, which
    /// hangs on how they were cut.
    /// </summary>
    internal MessageInflater Inflater => _inflater ??= _keepsReceived ? new MessageInflater() : DeflatePools.Inflaters.Get();

    /// <summary>Whether any state is held.</summary>
    internal bool HoldsState => _deflater is not null || _inflater is not null;

    /// <summary>Whether a message of this length is worth the try.</summary>
    internal bool IsWorthIt(int payloadBytes) => payloadBytes >= _thresholdBytes;

    /// <summary>After a received message. Without a context the inflater goes back.</summary>
    internal void EndReceived(bool isWhole)
    {
        if (isWhole)
        {
            _messagesInflated++;
        }

        if (!_keepsReceived)
        {
            ReleaseInflater();
        }
    }

    /// <summary>The connection receives no more.</summary>
    internal void ReleaseInflater()
    {
        if (_inflater is { } inflater)
        {
            _inflater = null;
            if (_keepsReceived)
            {
                inflater.Dispose();
            }
            else
            {
                DeflatePools.Inflaters.Return(inflater);
            }
        }
    }

    /// <summary>
    /// Whether a message of this length, or the first part of one, is sent compressed even where that does not make it shorter: where it leaves room in the window for what the next one
    /// may point back into, itself included. To send it as it is would cost that history; a longer one has displaced it all.
    /// </summary>
    internal bool MayBecomeLonger(int bytes) => _keepsSent && bytes < 1 << _sendWindowBits;

    /// <summary>Compresses a message of this connection's alone, or a part of one.</summary>
    /// <returns>
    /// <see langword="false"/> where there is too little room. The message is then forgotten, and all before it; so it may only be at its beginning, before anything of it was sent.
    /// </returns>
    internal bool TryDeflate(ReadOnlySpan<byte> part, bool isLast, Span<byte> destination, out int written)
    {
        bool isDeflated = TakeDeflater(isLast ? part.Length : int.MaxValue).TryDeflate(part, destination, isLast, _keepsSent, out written);
        if (isDeflated)
        {
            CountDeflated(part.Length, written, isLast);
        }
        else
        {
            _messagesNotShorter++;
        }

        if (!_keepsSent && (isLast || !isDeflated))
        {
            GiveBackDeflater();
        }

        return isDeflated;
    }

    /// <summary>Gives the compressed form of a frame that many share; null where it goes as it is.</summary>
    internal WsFrame? FindDeflated(WsFrame frame)
    {
        if (frame.NeverCompress || !IsWorthIt(frame.PayloadLength))
        {
            return null;
        }

        if (frame.GetDeflated(_sharedWindowBits, _level, _counters) is not { } deflated)
        {
            _messagesNotShorter++;
            return null;
        }

        CountDeflated(frame.PayloadLength, deflated.PayloadLength, isLast: true);

        // The receiver's history now ends with this message, which our deflater never saw: what it remembers is farther back than it thinks.
        _deflater?.Reset();
        return deflated;
    }

    /// <summary>The connection sends no more.</summary>
    internal void ReleaseDeflater()
    {
        if (_keepsSent)
        {
            _deflater?.Dispose();
            _deflater = null;
        }
        else
        {
            GiveBackDeflater();
        }
    }

    /// <summary>
    /// The window of what is compressed for many: the widest one of the service's own, or one of two, so that peers that each ask for another window do not make a room's message
    /// cost a deflate, and memory in its log, for each. What zlib writes with 9 bits keeps to 8.
    /// </summary>
    private static int FindSharedWindowBits(int agreed, int widest) => agreed == widest ? agreed : agreed switch
    {
        >= 12 => 12,
        _ => DeflateParameters.MinWindowBits,
    };

    /// <summary>Without a context a message no longer than the peer's window cannot point back farther, whatever window it is compressed with: all such share the widest deflaters.</summary>
    private MessageDeflater TakeDeflater(int messageBytes) => _deflater ??= _keepsSent
        ? new MessageDeflater(_sendWindowBits, _level)
        : DeflatePools.Deflaters(messageBytes <= 1 << _sendWindowBits ? DeflateParameters.MaxWindowBits : _sendWindowBits, _level).Get();

    private void GiveBackDeflater()
    {
        if (_deflater is { } deflater)
        {
            _deflater = null;
            DeflatePools.Deflaters(deflater.WindowBits, deflater.Level).Return(deflater);
        }
    }
}
