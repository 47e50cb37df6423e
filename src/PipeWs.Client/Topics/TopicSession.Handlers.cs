using System.Runtime.CompilerServices;
using PipeWs.Messages;

namespace PipeWs.Client.Topics;

// Borrowed handlers: a message is shown to each where it lies, on the receive loop, outside the lock.
internal sealed partial class TopicSession
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> HandOverAwaited(
        ValueTask handled, TopicMember[] members, int next, TopicLink link, ReadOnlyMemory<byte> message, Envelope envelope, WsTopicGap? gap)
    {
        await handled;
        for (; next < members.Length; next++)
        {
            await HandOver(members[next], link, message, envelope, gap);
        }

        return true;
    }

    /// <summary>Gives a message to a handler where it lies.</summary>
    private ValueTask HandOver(TopicMember member, TopicLink link, ReadOnlyMemory<byte> message, in Envelope envelope, WsTopicGap? gap)
    {
        if (member.Subscription.Handler is not { } handler)
        {
            return default;
        }

        string? epoch;
        WsTopicGap? hole;
        lock (_lock)
        {
            if (!Accept(member, envelope, ref gap, out hole))
            {
                return default;
            }

            epoch = member.Epoch;
        }

        if (hole is not null)
        {
            PublishGap(hole);
        }

        if (gap is not null)
        {
            PublishGap(gap);
        }

        // What joins have found missing lies in its buffer, and comes first.
        if (member.Subscription.Buffer.Count > 0 || hole is not null)
        {
            return HandOverBehindGaps(member, handler, link, message, envelope, gap, hole, epoch);
        }

        return gap is not null ? HandOverGap(member, handler, gap, link) : HandOver(member, handler, link.Borrower, message, envelope, epoch, link);
    }

    private async ValueTask HandOverBehindGaps(
        TopicMember member, WsTopicHandler handler, TopicLink link, ReadOnlyMemory<byte> message, Envelope envelope, WsTopicGap? gap, WsTopicGap? hole, string? epoch)
    {
        while (member.Subscription.Buffer.TryTake(out TopicFrame? frame))
        {
            WsTopicGap known = frame.Gap!;
            frame.Release(frame.Version);
            await HandOverGap(member, handler, known, link);
        }

        if (hole is not null)
        {
            await HandOverGap(member, handler, hole, link);
        }

        await (gap is not null ? HandOverGap(member, handler, gap, link) : HandOver(member, handler, link.Borrower, message, envelope, epoch, link));
    }

    private ValueTask HandOverGap(TopicMember member, WsTopicHandler handler, WsTopicGap gap, TopicLink link) =>
        member.Subscription.Options.GapsInStream ? HandOver(member, handler, link.Borrower, default, default, gap.Epoch, link, gap) : default;

    private ValueTask HandOver(
        TopicMember member, WsTopicHandler handler, TopicFrame frame, ReadOnlyMemory<byte> message, in Envelope envelope, string? epoch, TopicLink link, WsTopicGap? gap = null)
    {
        long number = gap is null && envelope.HasSequenceNumber ? envelope.SequenceNumber : 0;
        frame.Borrow(message, envelope, gap?.Topic ?? member.Topic.Name, epoch, gap);
        ValueTask handled;
        try
        {
            handled = handler(new WsTopicMessage(frame), link.Connection.Closed);
        }
        catch (Exception e)
        {
            frame.EndBorrow();
            ReportHandlerError(link, e);
            return default;
        }

        if (!handled.IsCompletedSuccessfully)
        {
            return HandOverAwaited(handled, member, frame, epoch, number, link);
        }

        handled.GetAwaiter().GetResult();
        frame.EndBorrow();
        OnRead(member, epoch, number);
        return default;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask HandOverAwaited(ValueTask handled, TopicMember member, TopicFrame frame, string? epoch, long number, TopicLink link)
    {
        try
        {
            await handled;
            OnRead(member, epoch, number);
        }
        catch (Exception e)
        {
            ReportHandlerError(link, e);
        }
        finally
        {
            frame.EndBorrow();
        }
    }

    private void ReportHandlerError(TopicLink link, Exception error)
    {
        // Giving up when the connection ends is what the handler's token asks for.
        if (error is OperationCanceledException && link.Connection.Closed.IsCancellationRequested)
        {
            return;
        }

        ReportCallbackError(nameof(WsTopicHandler), error);
    }

    private void ReportCallbackError(string callback, Exception error)
    {
        Diagnostics.ClientLog.CallbackFailed(Logger, Client.Name, callback, error);
        if (Client.Events.Wants(WsClientEventKinds.CallbackError))
        {
            Client.Events.Publish(new WsCallbackErrorEvent(callback, error));
        }
    }
}
