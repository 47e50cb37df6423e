using System.Security.Claims;

namespace PipeWs.Server;

/// <summary>What an <see cref="IConnectionAuthenticator"/> found: who it is, that nothing was said, or that what was said is not good enough. Immutable.</summary>
public sealed class WsAuthenticationResult
{
    private WsAuthenticationResult(ClaimsPrincipal? user, DateTimeOffset? expiresAt, string? reason)
    {
        User = user;
        ExpiresAt = expiresAt;
        Reason = reason;
    }

    /// <summary>The request says nothing about who it is: 401 where authentication is required at the handshake, an anonymous connection where it is optional.</summary>
    public static WsAuthenticationResult NoCredentials { get; } = new(null, null, null);

    /// <summary>Who it is; null unless it was authenticated.</summary>
    public ClaimsPrincipal? User { get; }

    /// <summary>When the connection is closed with 3005, unless the client refreshes it before; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>Why it was refused; null where it was not.</summary>
    public string? Reason { get; }

    /// <summary>It is this user.</summary>
    /// <param name="user">An authenticated principal: its identity has an authentication type. The user's id is the claim NameIdentifier, or <c>sub</c>.</param>
    /// <param name="expiresAt">When this ends; null for never.</param>
    /// <exception cref="ArgumentException">The principal is not authenticated.</exception>
    public static WsAuthenticationResult Success(ClaimsPrincipal user, DateTimeOffset? expiresAt = null)
    {
        ArgumentNullException.ThrowIfNull(user);
        return user.Identity is { IsAuthenticated: true }
            ? new(user, expiresAt, null)
            : throw new ArgumentException("The principal is not authenticated: give its ClaimsIdentity an authentication type.", nameof(user));
    }

    /// <summary>What was said is refused: 401 at the handshake, an error 401 for a message.</summary>
    /// <param name="reason">Why, in plain words for the peer and the log; never the token itself.</param>
    public static WsAuthenticationResult Refuse(string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        return new(null, null, reason);
    }
}
