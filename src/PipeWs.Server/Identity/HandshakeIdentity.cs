using System.Security.Claims;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server.Identity;

/// <summary>What came of a handshake's authentication.</summary>
/// <param name="Refusal">Why it is refused; not where it is accepted.</param>
/// <param name="User">Who it is; null where it is anonymous, or has yet to say so.</param>
/// <param name="ExpiresAt">When that ends; null for never.</param>
/// <param name="AwaitsAuthentication">Whether the connection must still say who it is.</param>
/// <param name="Query">The query without a token.</param>
/// <param name="Subprotocols">The subprotocols without a token.</param>
internal readonly record struct HandshakeIdentity(
    HandshakeRefusal Refusal, ClaimsPrincipal? User, DateTimeOffset? ExpiresAt, bool AwaitsAuthentication, string Query, string? Subprotocols);
