using System.Buffers;
using PipeWs.Messages;

namespace PipeWs.Server.Routing;

// What a connection may say before it has said who it is: that, and ping.
internal sealed partial class Router
{
    private static readonly EnvelopeError Unauthenticated = new(401, """say who you are first: {"type":"auth","data":{"token":"..."}}""");

    private readonly Route _earlyPing;
    private readonly Route? _auth;

    /// <summary>All that may not be said yet.</summary>
    private readonly Route _early;

    /// <summary>Handles a message of a connection that has yet to say who it is, whatever the hub's own handlers are.</summary>
    public ValueTask DispatchUnauthenticatedAsync(RequestContext context, in ReadOnlySequence<byte> payload, WsMessageType type)
    {
        if (type == WsMessageType.Binary)
        {
            context.BeginRaw(payload, type);
            return Invoke(context, _early);
        }

        ReadOnlySpan<byte> message = context.Begin(payload, _names);
        EnvelopeError error = EnvelopeReader.Read(message, _names, out context.Envelope, _validateUtf8);
        if (error.IsError)
        {
            return RefuseAsync(context, error);
        }

        Route? route = !context.Envelope.DiscriminatorIsEscaped
            ? _routes.Find(context.Envelope.Discriminator.ContentOf(message))
            : FindEscaped(context.Envelope.Discriminator.Of(message));
        Route allowed = route is null ? _early : route == _auth ? _auth : route.Name == _earlyPing.Name ? _earlyPing : _early;
        if (allowed != _early)
        {
            context.SetRoute(allowed);
        }

        return Invoke(context, allowed);
    }

    private ValueTask RefuseUnauthenticated(RequestContext context)
    {
        MessageRefused(context.Connection.Id, Unauthenticated.Code, Unauthenticated.Reason);
        return context.ReplyErrorAsync(Unauthenticated.Code, Unauthenticated.Reason);
    }

    private BuiltInRoute? CreateAuthRoute(HubRegistration registration)
    {
        if (registration.CreateAuthenticator is null)
        {
            return null;
        }

        return registration.Actions.Exists(static route => route.Name == "auth")
            ? throw new ArgumentException("\"auth\" is a built-in message where the hub has an authenticator and cannot be mapped.")
            : new BuiltInRoute("auth", _builtIns.OnAuthenticateAsync);
    }
}
