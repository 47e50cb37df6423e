using System.Text;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server.Identity;

/// <summary>The refusals of authentication and authorization, with the <c>WWW-Authenticate</c> of RFC 6750, section 3.</summary>
internal static class BearerChallenge
{
    private const int MaxReasonChars = 200;

    /// <summary>401: "If the request lacks any authentication information ... the resource server SHOULD NOT include an error code" (RFC 6750, section 3.1).</summary>
    public static readonly HandshakeRefusal NoToken = new(401, "This WebSocket needs a token.", "WWW-Authenticate", "Bearer");

    /// <summary>400: a Bearer header without a token, or a token that is not encoded as it should be.</summary>
    public static readonly HandshakeRefusal BadToken = BadRequest("The token is not written as a bearer token is (RFC 6750, 2.1).");

    /// <summary>400: "or uses more than one method for including an access token" (RFC 6750, section 3.1), and they do not agree.</summary>
    public static readonly HandshakeRefusal TwoTokens = BadRequest("The request holds several tokens, and they differ.");

    /// <summary>403: the policies of the hub do not let this user in.</summary>
    public static readonly HandshakeRefusal Forbidden = new(403, "This user may not open this WebSocket.", "WWW-Authenticate", "Bearer error=\"insufficient_scope\"");

    /// <summary>500: the authenticator failed.</summary>
    public static readonly HandshakeRefusal Failed = new(500, "The token could not be judged.");

    /// <summary>503: the authenticator did not answer.</summary>
    public static readonly HandshakeRefusal TookTooLong = HandshakeRefusal.Unavailable("The token could not be judged in time. Try again later.");

    /// <summary>The peer went while it was judged: it was not refused, and nobody hears this.</summary>
    public static readonly HandshakeRefusal Gone = HandshakeRefusal.Unavailable("The peer was gone before it was judged.");

    /// <summary>401: the token is refused.</summary>
    /// <param name="reason">Why, as the authenticator says.</param>
    /// <param name="token">The token, of which nothing may be told.</param>
    public static HandshakeRefusal Refused(string reason, string? token)
    {
        string words = Words(reason, token);
        return new(401, words, "WWW-Authenticate", $"Bearer error=\"invalid_token\", error_description=\"{words}\"");
    }

    /// <summary>A reason in the characters that a description may have (RFC 6750, section 3), and without the token in it.</summary>
    public static string Words(string reason, string? token)
    {
        if (token is not null && reason.Contains(token, StringComparison.OrdinalIgnoreCase))
        {
            return "The token is not accepted.";
        }

        var words = new StringBuilder(Math.Min(reason.Length, MaxReasonChars));
        foreach (char c in reason.AsSpan(0, Math.Min(reason.Length, MaxReasonChars)))
        {
            words.Append(c is '"' or '\\' ? '\'' : c is < ' ' or > '~' ? '?' : c);
        }

        return words.ToString();
    }

    private static HandshakeRefusal BadRequest(string message) =>
        new(400, message, "WWW-Authenticate", $"Bearer error=\"invalid_request\", error_description=\"{message}\"");
}
