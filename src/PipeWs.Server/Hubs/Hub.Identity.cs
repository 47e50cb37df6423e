using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using PipeWs.Messages;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Identity;
using PipeWs.Server.Rooms;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hubs;

// Who the connections are, and until when.
internal sealed partial class Hub
{
    private readonly HubIdentity? _identity;

    /// <summary>How often somebody was refused for what he said of who he is, or did not say.</summary>
    internal long AuthenticationRefusals => _identity?.RefusedCount ?? 0;

    async ValueTask IBuiltInMessages.OnAuthenticateAsync(RequestContext context)
    {
        var connection = (HubConnection)context.Connection;
        EnvelopeError error = AuthMessage.Read(context.Message.Span, in context.Envelope, out string token);
        if (error.IsError)
        {
            await context.ReplyErrorAsync(error.Code, error.Reason);
            return;
        }

        var request = new WsAuthenticationRequest
        {
            Token = token,
            Path = connection.Path,
            Query = connection.Query,
            RemoteEndPoint = connection.RemoteEndPoint,
            IsSecure = connection.Identity!.IsSecure,
            Connection = connection,
        };
        (WsAuthenticationResult result, HandshakeRefusal refusal) = await _identity!.AskAsync(request, connection.ConnectionClosed);
        if (refusal.IsRefused)
        {
            await RefuseAsync(context, refusal);
            return;
        }

        if (result.User is not { } user)
        {
            await RefuseAsync(context, 401, "The token is not accepted.");
            return;
        }

        string? userId = AcceptedConnection.IdOf(user);
        if (!connection.MayBecome(userId))
        {
            await RefuseAsync(context, 403, "the token is another user's: open another connection for it");
            return;
        }

        refusal = await _identity.CheckPoliciesAsync(user, request, connection.ConnectionClosed);
        if (refusal.IsRefused)
        {
            await RefuseAsync(context, refusal);
            return;
        }

        await AdoptAsync(context, connection, user, userId, result.ExpiresAt);
    }

    /// <summary>Makes the user of a good token the connection's.</summary>
    private async ValueTask AdoptAsync(RequestContext context, HubConnection connection, ClaimsPrincipal user, string? userId, DateTimeOffset? expiresAt)
    {
        bool isNew = connection.Identity!.IsPending;
        if (!connection.TryCountUser(userId)
            || !TryAdopt(connection, user, userId, expiresAt, isListed: !isNew)
            || (isNew && !await AdmitAsync(connection))
            || !TryList(connection, out Membership? everyone))
        {
            // It is closing, and hears no more.
            await context.MarkReplied();
            return;
        }

        IdentityLog.Authenticated(_logger, connection.Id);
        try
        {
            await context.ReplyAckAsync();
        }
        finally
        {
            // The ack has its place before what is sent to all, and nothing that is sent after it is missed.
            if (everyone is not null)
            {
                _everyone.Activate(everyone);
            }
        }
    }

    /// <param name="connection">The connection.</param>
    /// <param name="user">Who it is from now on.</param>
    /// <param name="userId">The user's id.</param>
    /// <param name="expiresAt">Until when.</param>
    /// <param name="isListed">Whether it was open to messages before, and is found by its user's name.</param>
    /// <returns><see langword="false"/> where the connection ended while its token was judged.</returns>
    private bool TryAdopt(HubConnection connection, ClaimsPrincipal user, string? userId, DateTimeOffset? expiresAt, bool isListed)
    {
        ConnectionIdentity identity = connection.Identity!;
        lock (identity.Gate)
        {
            if (identity.HasEnded || identity.HasExpired || connection.Ws.IsClosing)
            {
                return false;
            }

            bool isOther = isListed && connection.UserId != userId;
            if (isOther)
            {
                _users.Remove(connection);
            }

            connection.SetUser(user, userId);
            if (isOther)
            {
                _users.Add(connection);
            }

            identity.SetExpiry(expiresAt);
            identity.SetAuthenticated();
            return true;
        }
    }

    /// <summary>Lists a connection among all and under its user's name, where it is not yet.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="everyone">Its membership where it had none among all before, to be activated.</param>
    /// <returns><see langword="false"/> where the connection has ended.</returns>
    private bool TryList(HubConnection connection, out Membership? everyone)
    {
        everyone = null;
        lock (connection.Identity!.Gate)
        {
            if (connection.Identity.HasEnded)
            {
                return false;
            }

            if (connection.Everyone is null)
            {
                _users.Add(connection);
                connection.Everyone = everyone = _everyone.TryJoin(connection, WsSince.Head, out _)!;
            }

            return true;
        }
    }

    /// <summary>Begins to watch over what ends.</summary>
    private void BeginIdentity(HubConnection connection, AcceptedConnection accepted)
    {
        if (_identity is { HasAuthenticator: true } || accepted.ExpiresAt is not null)
        {
            connection.Identity = new ConnectionIdentity(connection, Heartbeat, accepted.IsSecure, accepted.AwaitsAuthentication ? _identity!.Options.Timeout : null);
            connection.Identity.SetExpiry(accepted.ExpiresAt);
        }
    }

    // A handler that judges a token may outlive its connection: what it then finds out counts for nothing.
    private void EndIdentity(HubConnection connection)
    {
        connection.Identity?.End();
        _users.Remove(connection);
        if (connection.Everyone is { } everyone)
        {
            _everyone.Leave(everyone);
        }
    }

    private void JoinEveryone(HubConnection connection)
    {
        Membership everyone = _everyone.TryJoin(connection, WsSince.Head, out _)!;
        connection.Everyone = everyone;
        _everyone.Activate(everyone);
    }

    // Who went while he was judged was not refused, and hears no more.
    private ValueTask RefuseAsync(RequestContext context, in HandshakeRefusal refusal) =>
        refusal == BearerChallenge.Gone ? context.MarkReplied() : RefuseAsync(context, refusal.StatusCode, refusal.Message);

    private ValueTask RefuseAsync(RequestContext context, int code, string reason)
    {
        _identity!.CountRefused();
        IdentityLog.AuthRefused(_logger, context.Connection.Id, code, reason);
        return context.ReplyErrorAsync(code, reason);
    }

    private async ValueTask<bool> IsAllowedAsync(HubConnection connection, string room, AuthorizationPolicy policy)
    {
        if (await RoutePolicies.IsAllowedAsync(_services, connection.User, new WsRoomAccess(connection, room), policy))
        {
            return true;
        }

        IdentityLog.RoomForbidden(_logger, connection.Id, LogText.Of(room));
        return false;
    }

    private void ResolveRoomPolicies()
    {
        foreach ((string pattern, WsRoomOptions options) in _rooms.AllOptions)
        {
            ResolveRoomPolicy(pattern, options);
        }
    }

    private void ResolveRoomPolicy(string pattern, WsRoomOptions options) => options.ResolvedPolicy = options.Policy is { } policy
        ? RoutePolicies.Resolve(_services, policy, $"PipeWs rooms '{pattern}'")
        : null;
}
