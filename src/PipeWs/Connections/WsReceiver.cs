using System.Buffers;
using System.Runtime.CompilerServices;

namespace PipeWs;

/// <summary>
/// What a connection gives its messages to, one at a time: the next one is not read before the task of the last has completed,
/// which is how a slow receiver slows its peer down. An exception fails the connection with 1011.
/// </summary>
public abstract class WsReceiver
{
    /// <summary>A whole message came.</summary>
    /// <param name="type">Text, validated as UTF-8, or binary.</param>
    /// <param name="payload">Borrowed: valid until the returned task completes.</param>
    public abstract ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload);

    /// <summary>
    /// Whether messages of this type are given in parts as their bytes come, whatever their size, instead of whole. Asked at the start of each message.
    /// <see cref="WsConnectionOptions.MaxMessageBytes"/> then does not apply.
    /// </summary>
    public virtual bool ReceivesParts(WsMessageType type) => false;

    /// <summary>A part of a message came. Parts follow the transport's reads, not the peer's fragments.</summary>
    public virtual ValueTask OnPartAsync(WsMessagePart part) => default;

    /// <summary>A ping or pong came; a ping's pong has its place among what leaves. Nothing more is read until the task completes, which is how a flood of them can be slowed down.</summary>
    /// <param name="payloadBytes">The length of its payload.</param>
    public virtual ValueTask OnControlAsync(int payloadBytes) => default;

    /// <summary>A ping was answered. Called by the receive loop; must neither block nor throw.</summary>
    /// <param name="roundTrip">The time from the ping to its pong; also in <see cref="WsConnection.RoundTripTime"/>.</param>
    public virtual void OnRoundTrip(TimeSpan roundTrip)
    {
    }

    /// <summary>Whether <see cref="ReceivesParts"/> may ever say yes. Asked at the start of what was read; where it does not, nothing is asked at each message.</summary>
    internal virtual bool MayReceiveParts => true;

    /// <summary>
    /// A whole message came that lies in one array, as nearly all do: <see cref="OnMessageAsync"/> with less to hand on. A sequence and a task handed from call to call cost more than all else that is
    /// done for a small message.
    /// </summary>
    /// <param name="type">Text, validated as UTF-8, or binary.</param>
    /// <param name="array">Borrowed: valid until the message is handled.</param>
    /// <param name="start">Where the message begins.</param>
    /// <param name="length">How many bytes it has.</param>
    /// <param name="pending">Gets the task that is to be awaited.</param>
    /// <returns>Whether it is handled; otherwise <paramref name="pending"/> was set.</returns>
    internal virtual bool TryHandleWhole(WsMessageType type, byte[] array, int start, int length, ref ValueTask pending) =>
        IsHandled(OnMessageAsync(type, new ReadOnlySequence<byte>(array, start, length)), ref pending);

    /// <summary>Takes the result of a task that has completed, and keeps any other.</summary>
    /// <returns>Whether it has completed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsHandled(ValueTask task, ref ValueTask pending)
    {
        if (!task.IsCompletedSuccessfully)
        {
            pending = task;
            return false;
        }

        task.GetAwaiter().GetResult();
        return true;
    }

    /// <summary>All that was read has been handled and goes back to the transport: nothing of it may be kept.</summary>
    internal virtual void OnReadHandled()
    {
    }

    /// <summary>The server asks the connection to end, until it does. By the heartbeat; must neither block nor throw.</summary>
    internal virtual void OnCloseRequested()
    {
    }

    /// <summary>The connection has ended. Called once, by whatever thread saw to its end; must neither block nor throw.</summary>
    internal virtual void OnClosed(WsCloseInfo info)
    {
    }
}

/// <summary>Some bytes of a message.</summary>
/// <param name="Type">The message's type. A text message's parts may cut a character in two; what is cut is valid so far.</param>
/// <param name="Payload">Borrowed: valid until the task of <see cref="WsReceiver.OnPartAsync"/> completes. May be empty.</param>
/// <param name="IsFirst">Whether the message begins here.</param>
/// <param name="IsLast">Whether it ends here.</param>
public readonly record struct WsMessagePart(WsMessageType Type, ReadOnlySequence<byte> Payload, bool IsFirst, bool IsLast);
