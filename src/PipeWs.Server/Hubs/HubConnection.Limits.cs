using System.Buffers;
using System.Net;
using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Limits;

namespace PipeWs.Server.Hubs;

// What its peer may send, have repeated and leave behind. Without limits there is no guard, and nobody asks one.
internal sealed partial class HubConnection
{
    private const int MaxMetadataKeyBytes = 255;

    private readonly InboundGuard? _guard;
    private ReplayBudget? _replay;
    private IPAddress? _countedAddress;

    /// <summary>What counts as its address; null where the transport has none.</summary>
    internal IPAddress? CountedAddress => _countedAddress ?? (RemoteEndPoint is IPEndPoint remote ? _countedAddress = AddressKey.Of(remote.Address, _hub.Options.AddressPrefixLengthIPv6) : null);

    public override ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload) =>
        _guard is null ? DispatchAsync(type, payload) : OnGuardedMessageAsync(_guard, type, payload);

    internal override bool TryHandleWhole(WsMessageType type, byte[] array, int start, int length, ref ValueTask pending) =>
        _guard is null && !_tracesMessages && Identity is not { IsPending: true }
            ? _hub.Router.TryDispatch(Context, array, start, length, type, ref pending)
            : base.TryHandleWhole(type, array, start, length, ref pending);

    public override ValueTask OnPartAsync(WsMessagePart part) => _guard is null ? DispatchPartAsync(part) : OnGuardedPartAsync(_guard, part);

    /// <summary>A ping or pong came, which counts as a message. The pong that answers a ping has its place already.</summary>
    public override ValueTask OnControlAsync(int payloadBytes)
    {
        if (_guard is null || _guard.TryTake(1, payloadBytes, out InboundGuard.Refusal refusal))
        {
            return default;
        }

        return IsClosedBy(_guard, refusal) ? default : WaitAsync(_guard, 1, payloadBytes, refusal);
    }

    /// <summary>Takes what a replay of a room's log costs. Under the gate.</summary>
    internal bool TryTakeReplay(long bytes)
    {
        PipeWsOptions options = _hub.Options;
        return options.ReplayBytesPerSecond == 0 || (_replay ??= new ReplayBudget()).TryTake(bytes, options.ReplayBytesPerSecond, options.ReplayBurstBytes, _hub.Time);
    }

    /// <summary>
    /// Counts the connection as a user's, when it has authenticated after its handshake. A user with too many connections has this one closed with 3013.
    /// </summary>
    /// <returns>Whether the connection may be this user's.</returns>
    internal bool TryCountUser(string? userId)
    {
        HandshakeRefusal refusal = Control.Place?.TrySetUser(userId) ?? default;
        if (refusal.IsRefused)
        {
            BeginClose(CloseCode.OverLimit, refusal.Message);
        }

        return !refusal.IsRefused;
    }

    /// <summary>The peer has sent no message for too long. By the heartbeat.</summary>
    internal void OnIdle(string reason)
    {
        _hub.CountRefusal(LimitKind.IdleTimeout);
        BeginClose(CloseCode.NormalClosure, reason);
    }

    internal void StartGuard() => _guard?.Start();

    internal void StopGuard() => _guard?.Dispose();

    private ValueTask OnGuardedMessageAsync(InboundGuard guard, WsMessageType type, ReadOnlySequence<byte> payload)
    {
        guard.NoteMessage();
        if (guard.TryTake(1, CostOf(payload), out InboundGuard.Refusal refusal))
        {
            return DispatchAsync(type, payload);
        }

        if (IsClosedBy(guard, refusal))
        {
            return default;
        }

        return guard.Policy == WsRateLimitPolicy.ReplyError && _hub.Router.CanAnswer(type)
            ? _hub.Router.RefuseMessageAsync(Context, payload, 429, refusal.Reason)
            : WaitAndDispatchAsync(guard, type, payload, refusal);
    }

    private ValueTask OnGuardedPartAsync(InboundGuard guard, in WsMessagePart part)
    {
        guard.NoteMessage();
        int messages = part.IsFirst ? 1 : 0;
        if (guard.TryTake(messages, CostOf(part.Payload), out InboundGuard.Refusal refusal))
        {
            return DispatchPartAsync(part);
        }

        return IsClosedBy(guard, refusal) ? default : WaitAndDispatchPartAsync(guard, messages, part, refusal);
    }

    /// <summary>What was received counts as long as it is, or was: compressed bytes that say little cost their length.</summary>
    private long CostOf(in ReadOnlySequence<byte> payload) => Math.Max(payload.Length, Ws.DeflatedPayloadBytes);

    private bool IsClosedBy(InboundGuard guard, in InboundGuard.Refusal refusal)
    {
        _hub.CountRefusal(refusal.Limit);
        if (guard.Policy == WsRateLimitPolicy.Close)
        {
            BeginClose(CloseCode.PolicyViolation, refusal.Reason);
            return true;
        }

        return false;
    }

    private async ValueTask WaitAndDispatchAsync(InboundGuard guard, WsMessageType type, ReadOnlySequence<byte> payload, InboundGuard.Refusal refusal)
    {
        await WaitAsync(guard, 1, CostOf(payload), refusal);
        await DispatchAsync(type, payload);
    }

    private async ValueTask WaitAndDispatchPartAsync(InboundGuard guard, int messages, WsMessagePart part, InboundGuard.Refusal refusal)
    {
        await WaitAsync(guard, messages, CostOf(part.Payload), refusal);
        await DispatchPartAsync(part);
    }

    // Nothing more is read until it returns.
    private async ValueTask WaitAsync(InboundGuard guard, int messages, long bytes, InboundGuard.Refusal refusal)
    {
        do
        {
            await Task.Delay(refusal.Wait, _hub.Time, ConnectionClosed);
            messages = refusal.Limit == LimitKind.InboundMessagesPerSecond ? messages : 0;
        }
        while (!guard.TryTake(messages, bytes, out refusal));
    }

    private ValueTask DispatchAsync(WsMessageType type, in ReadOnlySequence<byte> payload) =>
        Identity is { IsPending: true } ? _hub.Router.DispatchUnauthenticatedAsync(Context, payload, type)
        : !_tracesMessages ? _hub.Router.DispatchAsync(Context, payload, type)
        : DispatchTracedAsync(_activity!, payload, type);

    private ValueTask DispatchPartAsync(in WsMessagePart part) =>
        !_tracesMessages ? _hub.Router.DispatchPartAsync(Context, part) : DispatchPartTracedAsync(_activity!, part);

    private void ThrowIfOverLimit(string key)
    {
        if (key.Length > MaxMetadataKeyBytes || Encoding.UTF8.GetByteCount(key) > MaxMetadataKeyBytes)
        {
            throw new ArgumentException($"A key of metadata has at most {MaxMetadataKeyBytes} bytes of UTF-8.", nameof(key));
        }

        int limit = _hub.Options.MaxMetadataPerConnection;
        if ((_metadata?.Count ?? 0) >= limit && _metadata?.ContainsKey(key) != true)
        {
            _hub.CountRefusal(LimitKind.MaxMetadataPerConnection);
            throw new WsLimitException(nameof(PipeWsOptions.MaxMetadataPerConnection), $"a connection has at most {limit} pieces of metadata (MaxMetadataPerConnection)");
        }
    }
}
