using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PipeWs.Messages;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Routing;

/// <summary>The message that a connection's handler is working on. One object a connection, used for its messages in turn; see <see cref="Router"/>.</summary>
internal sealed partial class RequestContext(IWsHub hub, IWsConnection connection, IServiceProvider services) : WsMessageContext
{
    /// <summary>What the router read; only for JSON messages.</summary>
    internal Envelope Envelope;

    // The message: in one array, as nearly all are; otherwise in pieces, and where it is JSON, also copied together.
    private byte[]? _array;
    private int _start;
    private int _length;
    private ReadOnlySequence<byte> _pieces;
    private bool _isInPieces;
    private byte[]? _rented;
    private EnvelopeNames? _names;
    private Route? _route;
    private string? _requestId;
    private string? _topic;
    private WsMessageType _type;
    private bool _hasReplied;
    private bool _isRefused;
    private int _errorCode;
    private bool _isFirstPart = true;
    private bool _isLastPart = true;

    public override IWsHub Hub => hub;

    public override IWsConnection Connection => connection;

    public override IServiceProvider Services => services;

    public override WsMessageType Type => _type;

    public override ReadOnlySequence<byte> Payload
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _isInPieces ? _pieces : _array is { } array ? new ReadOnlySequence<byte>(array, _start, _length) : default;
    }

    public override bool IsFirstPart => _isFirstPart;

    public override bool IsLastPart => _isLastPart;

    public override string Action => _route?.Name ?? "";

    public override string? RequestId => Envelope.Id.IsEmpty ? null : _requestId ??= JsonText.Decode(Id);

    public override string? Topic => Envelope.Topic.IsEmpty ? null : _topic ??= JsonText.Decode(Envelope.Topic.Of(Bytes));

    public override ReadOnlyMemory<byte> Body => new(_array, _start + Envelope.Body.Start, Envelope.Body.Length);

    /// <summary>The whole message in one piece; only for JSON messages.</summary>
    internal ReadOnlyMemory<byte> Message => new(_array, _start, _length);

    /// <summary>The request's id as it came: the token that answers echo. Empty where there is none.</summary>
    internal ReadOnlySpan<byte> Id => Envelope.Id.Of(Bytes);

    public override bool HasReplied => _hasReplied;

    public override int ErrorCode => _errorCode;

    /// <summary>Whether the hub's text messages are JSON, so that a peer understands an answer.</summary>
    internal bool SpeaksJson { get; init; } = true;

    /// <summary>Whether the message is a JSON one, whose failures the router answers.</summary>
    internal bool IsJson => SpeaksJson && _type == WsMessageType.Text;

    /// <summary>Whether the message was refused; what is still to come of one in parts is dropped.</summary>
    internal bool IsRefused => _isRefused;

    /// <summary>Whether the request asked to be told that it arrived: by <c>response</c> or by having an id.</summary>
    internal bool WantsAck => Envelope.Response || !Envelope.Id.IsEmpty;

    /// <summary>Whether nobody has answered a request that wants to be.</summary>
    internal bool NeedsAck => WantsAck && !_hasReplied;

    private ReadOnlySpan<byte> Bytes => new(_array, _start, _length);

    /// <summary>Takes up a message for a raw handler.</summary>
    internal void BeginRaw(in ReadOnlySequence<byte> payload, WsMessageType type)
    {
        if (payload.IsSingleSegment && MemoryMarshal.TryGetArray(payload.First, out ArraySegment<byte> bytes))
        {
            BeginRaw(bytes.Array!, bytes.Offset, bytes.Count, type);
            return;
        }

        BeginRaw([], 0, 0, type);
        _pieces = payload;
        _isInPieces = true;
    }

    /// <inheritdoc cref="BeginRaw(in ReadOnlySequence{byte}, WsMessageType)"/>
    internal void BeginRaw(byte[] array, int start, int length, WsMessageType type)
    {
        if (!ReferenceEquals(_array, array))
        {
            _array = array;
        }

        _start = start;
        _length = length;
        _isInPieces = false;
        _type = type;
        _hasReplied = false;
        _errorCode = 0;
        _isRefused = false;
        _isFirstPart = _isLastPart = true;
    }

    /// <summary>Takes up a part of a message for a raw handler.</summary>
    internal void BeginPart(in WsMessagePart part)
    {
        bool wasRefused = _isRefused && !part.IsFirst;
        BeginRaw(part.Payload, part.Type);
        _isRefused = wasRefused;
        _isFirstPart = part.IsFirst;
        _isLastPart = part.IsLast;
    }

    /// <summary>Takes up a JSON message, in one piece. <see cref="End"/> must follow.</summary>
    internal ReadOnlySpan<byte> Begin(in ReadOnlySequence<byte> payload, EnvelopeNames names)
    {
        _names = names;
        BeginRaw(payload, WsMessageType.Text);
        if (_isInPieces)
        {
            _length = checked((int)payload.Length);
            _array = _rented = ArrayPool<byte>.Shared.Rent(_length);
            payload.CopyTo(_rented);
        }

        return Bytes;
    }

    /// <inheritdoc cref="Begin(in ReadOnlySequence{byte}, EnvelopeNames)"/>
    internal ReadOnlySpan<byte> Begin(byte[] array, int start, int length, EnvelopeNames names)
    {
        _names = names;
        BeginRaw(array, start, length, WsMessageType.Text);
        return Bytes;
    }

    internal void SetRoute(Route route)
    {
        _route = route;
        if (Activity is not null)
        {
            HubActivities.SetAction(Activity, route.Name);
        }
    }

    /// <summary>Lets go of the message: the handler has completed.</summary>
    internal void End()
    {
        Envelope = default;
        _route = null;
        _requestId = null;
        _topic = null;
        if (_rented is byte[] rented)
        {
            _rented = null;
            ArrayPool<byte>.Shared.Return(rented);
        }

        ForgetMessage();
    }

    /// <summary>Lets go of the bytes, which the transport or a pool has again.</summary>
    internal void ForgetMessage()
    {
        _array = null;
        _start = _length = 0;
        if (_isInPieces)
        {
            _isInPieces = false;
            _pieces = default;
        }
    }
}
