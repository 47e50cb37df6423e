using System.Buffers;
using System.Text;
using PipeWs.Messages;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hooks;

namespace PipeWs.Server.Routing;

internal sealed partial class Router
{
    private const int MaxEchoedChars = 64;

    /// <summary>
    /// Handles one message. Its bytes may be reused when the task completes; the next message of the connection waits until then.
    /// </summary>
    /// <remarks>
    /// What is wrong with a JSON message or its handler is answered and logged here, and the connection lives. An exception of a raw handler comes out of the
    /// task: nobody else can tell the peer, so the connection ends with 1011.
    /// </remarks>
    public ValueTask DispatchAsync(RequestContext context, in ReadOnlySequence<byte> payload, WsMessageType type)
    {
        Func<WsMessageContext, ValueTask>? raw = type == WsMessageType.Text ? _onText : _onBinary;
        if (raw is not null)
        {
            context.BeginRaw(payload, type);
            return raw(context);
        }

        return type == WsMessageType.Text ? DispatchJson(context, context.Begin(payload, _names)) : RefuseBinary(context);
    }

    /// <summary>Handles one message that lies in one array, as <see cref="DispatchAsync"/> does.</summary>
    /// <returns>Whether it is handled; otherwise <paramref name="pending"/> was set.</returns>
    public bool TryDispatch(RequestContext context, byte[] array, int start, int length, WsMessageType type, ref ValueTask pending)
    {
        Func<WsMessageContext, ValueTask>? raw = type == WsMessageType.Text ? _onText : _onBinary;
        if (raw is not null)
        {
            context.BeginRaw(array, start, length, type);
            return WsReceiver.IsHandled(raw(context), ref pending);
        }

        return WsReceiver.IsHandled(type == WsMessageType.Text ? DispatchJson(context, context.Begin(array, start, length, _names)) : RefuseBinary(context), ref pending);
    }

    /// <summary>Whether messages of any type are handled in parts.</summary>
    public bool MayReceiveParts => _onTextParts is not null || _onBinaryParts is not null;

    /// <summary>Whether messages of this type are handled in parts, as their bytes come.</summary>
    public bool ReceivesParts(WsMessageType type) => (type == WsMessageType.Text ? _onTextParts : _onBinaryParts) is not null;

    /// <summary>Handles a part of a message.</summary>
    public ValueTask DispatchPartAsync(RequestContext context, in WsMessagePart part)
    {
        context.BeginPart(part);
        if (context.IsRefused)
        {
            return default;
        }

        return (part.Type == WsMessageType.Text ? _onTextParts : _onBinaryParts)!(context);
    }

    private ValueTask DispatchJson(RequestContext context, ReadOnlySpan<byte> message)
    {
        EnvelopeError error = EnvelopeReader.Read(message, _names, out context.Envelope, _validateUtf8);
        if (error.IsError)
        {
            return RefuseAsync(context, error);
        }

        Route? route = !context.Envelope.DiscriminatorIsEscaped
            ? _routes.Find(context.Envelope.Discriminator.ContentOf(message))
            : FindEscaped(context.Envelope.Discriminator.Of(message));
        if (route is not null)
        {
            context.SetRoute(route);
            return Invoke(context, route);
        }

        return _unknown is not null ? Invoke(context, _unknown) : RefuseAsync(context, UnknownAction(message, in context.Envelope));
    }

    private ValueTask Invoke(RequestContext context, Route route)
    {
        try
        {
            ValueTask pending = route.InvokeAsync(context);
            if (!pending.IsCompletedSuccessfully)
            {
                return InvokeAwaited(context, pending);
            }

            pending.GetAwaiter().GetResult();
            if (context.NeedsAck)
            {
                pending = context.ReplyAckAsync();
                if (!pending.IsCompletedSuccessfully)
                {
                    return InvokeAwaited(context, pending);
                }

                pending.GetAwaiter().GetResult();
            }
        }
        catch (Exception e)
        {
            return FailAsync(context, e);
        }

        context.End();
        return default;
    }

    private async ValueTask InvokeAwaited(RequestContext context, ValueTask pending)
    {
        try
        {
            await pending;
            if (context.NeedsAck)
            {
                await context.ReplyAckAsync();
            }
        }
        catch (Exception e)
        {
            await FailAsync(context, e);
            return;
        }

        context.End();
    }

    // The handler's exception is the application's affair and goes to its log; the peer learns only that there was one.
    private async ValueTask FailAsync(RequestContext context, Exception exception)
    {
        try
        {
            if (HubHooks.IsGivingUp(exception, context.Connection))
            {
                HandlerEndedWithConnection(context.Connection.Id, context.Action, exception);
            }
            else if (exception is WsLimitException && !context.HasReplied)
            {
                MessageRefused(context.Connection.Id, 429, exception.Message);
                await context.ReplyErrorAsync(429, exception.Message);
            }
            else
            {
                Counters?.HandlerFailed();
                context.SetFailed(exception);
                HandlerFailed(context.Connection.Id, context.Action, exception);
                if (!context.HasReplied)
                {
                    await context.ReplyErrorAsync(500, "internal error");
                }
            }
        }
        catch (Exception e)
        {
            ReplyFailed(context.Connection.Id, e);
        }

        try
        {
            if (_hooks is { HasError: true })
            {
                await _hooks.OnErrorAsync(new WsErrorContext(exception, WsErrorSource.Message, context.Connection, context.Action));
            }
        }
        finally
        {
            context.End();
        }
    }

    private async ValueTask RefuseAsync(RequestContext context, EnvelopeError error)
    {
        try
        {
            MessageRefused(context.Connection.Id, error.Code, error.Reason);
            await context.ReplyErrorAsync(error.Code, error.Reason);
        }
        catch (Exception e)
        {
            ReplyFailed(context.Connection.Id, e);
        }
        finally
        {
            context.End();
        }
    }

    // RFC 6455, section 7.4.1: 1003 is for "a type of data it cannot accept". The receive loop must go on to read the peer's close frame, so nobody waits here.
    private ValueTask RefuseBinary(RequestContext context)
    {
        MessageRefused(context.Connection.Id, CloseCode.UnsupportedData, "binary messages are not accepted here");
        _ = CloseAsync(context.Connection);
        return default;

        async Task CloseAsync(IWsConnection connection)
        {
            try
            {
                await connection.CloseAsync(CloseCode.UnsupportedData, "binary messages are not accepted here");
            }
            catch (Exception e)
            {
                ReplyFailed(connection.Id, e);
            }
        }
    }

    private Route? FindEscaped(ReadOnlySpan<byte> token)
    {
        if (token.Length > (Route.MaxNameBytes * JsonText.MaxBytesPerChar) + 2)
        {
            return null;
        }

        Span<byte> name = stackalloc byte[token.Length];
        return JsonText.TryUnescape(token, name, out int length) ? _routes.Find(name[..length]) : null;
    }

    /// <summary>What is at the end of an unknown action's filters.</summary>
    private ValueTask RefuseUnknown(RequestContext context)
    {
        EnvelopeError error = UnknownAction(context.Message.Span, in context.Envelope);
        MessageRefused(context.Connection.Id, error.Code, error.Reason);
        return context.ReplyErrorAsync(error.Code, error.Reason);
    }

    private static EnvelopeError UnknownAction(ReadOnlySpan<byte> message, in Envelope envelope)
    {
        ReadOnlySpan<byte> content = envelope.Discriminator.ContentOf(message);
        string action = envelope.DiscriminatorIsEscaped
            ? JsonText.Decode(envelope.Discriminator.Of(message))
            : Encoding.UTF8.GetString(content[..Math.Min(content.Length, MaxEchoedChars * 4)]);
        if (action.Length > MaxEchoedChars)
        {
            action = action[..(char.IsHighSurrogate(action[MaxEchoedChars - 1]) ? MaxEchoedChars - 1 : MaxEchoedChars)];
        }

        return new EnvelopeError(404, $"unknown action \"{action}\"");
    }
}
