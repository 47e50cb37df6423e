namespace PipeWs.Server;

/// <summary>
/// How connections say who they are. It counts where the hub has an authenticator (<c>UseJwtBearer</c>, <c>UseStaticTokens</c>, <c>UseAuthenticator</c>) or
/// <c>RequireAuthentication</c> was called, and is the same on every door.
/// </summary>
public sealed class WsAuthenticationOptions
{
    /// <summary>When it must be said. Default <see cref="WsAuthenticationMode.Required"/>: at the handshake, or 401.</summary>
    public WsAuthenticationMode Mode { get; set; }

    /// <summary>How long a connection has for its <c>auth</c> message, and an authenticator, and the policies of the hub, for their answers. Default 15 s. Beyond it: close code 3001; 503 at the handshake.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Where a token is looked for in a handshake. Default everywhere. Tokens that differ from one another refuse it with 400.</summary>
    public WsTokenSources TokenSources { get; set; } = WsTokenSources.All;

    /// <summary>The query's parameter that holds the token. Default <c>token</c>. It is in no line that is logged.</summary>
    public string TokenParameter { get; set; } = "token";
}

/// <summary>When a connection must say who it is.</summary>
public enum WsAuthenticationMode
{
    /// <summary>At the handshake: without a good token it is refused with 401.</summary>
    Required,

    /// <summary>
    /// At the handshake or by its first message, <c>{"type":"auth","data":{"token":"..."}}</c>, within <see cref="WsAuthenticationOptions.Timeout"/>: close code 3001 otherwise.
    /// Until then it is in no room, gets nothing that is sent to all, and every message but <c>ping</c> is answered with an error 401. Hooks of <c>OnConnect</c> are asked when it has.
    /// </summary>
    FirstMessage,

    /// <summary>Not at all: who gives no token is anonymous. A token that is not good is refused with 401 all the same. An <c>auth</c> message may follow at any time.</summary>
    Optional,
}

/// <summary>Where a handshake may carry a token. They are looked at in this order.</summary>
[Flags]
public enum WsTokenSources
{
    /// <summary>Nowhere: only <c>auth</c> messages, or what an authenticator finds by itself.</summary>
    None = 0,

    /// <summary><c>Authorization: Bearer token</c>. RFC 6750, section 2.1. Browsers cannot send it.</summary>
    AuthorizationHeader = 1,

    /// <summary><c>?token=token</c>, percent-encoded.</summary>
    Query = 2,

    /// <summary>
    /// An offered subprotocol <c>bearer.token</c>, or <c>bearer64.token</c> with the token's UTF-8 in base64url where it is not made of a subprotocol's characters. It is never
    /// the one that is agreed on: browsers need another one beside it, one of <see cref="PipeWsOptions.Subprotocols"/>.
    /// </summary>
    Subprotocol = 4,

    /// <summary>All of them.</summary>
    All = AuthorizationHeader | Query | Subprotocol,
}
