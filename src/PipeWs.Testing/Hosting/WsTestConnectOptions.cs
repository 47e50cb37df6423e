using System.Net;
using System.Security.Claims;

namespace PipeWs.Testing;

/// <summary>Who connects to a hub in memory, and how.</summary>
public sealed class WsTestConnectOptions : WsTestPeerOptions
{
    /// <summary>The path of the request. Default <c>/ws</c>. Every path leads to the hub: which path is at which door is the application's own affair.</summary>
    public string Path { get; set; } = "/ws";

    /// <summary>The query, with or without its question mark. Default none.</summary>
    public string Query { get; set; } = "";

    /// <summary>The hub's name. Default the default hub.</summary>
    public string Hub { get; set; } = "";

    /// <summary>
    /// Who it is. Where this or <see cref="UserId"/> is set, nobody is asked to authenticate the connection: it comes to the hub as from a mapped door whose application
    /// authenticated it, past the handshake, while limits on connections and the hub's authorization policies apply. Default null.
    /// </summary>
    public ClaimsPrincipal? User { get; set; }

    /// <summary>The same with only an id: the claim NameIdentifier. Default null.</summary>
    public string? UserId { get; set; }

    /// <summary>
    /// Whether the connection comes to the hub past the handshake, as nobody. Default false: the request goes through the code of the fast door, with authentication, origins and limits.
    /// </summary>
    public bool SkipsHandshake { get; set; }

    /// <summary>A token for the header <c>Authorization: Bearer</c>. Default null.</summary>
    public string? BearerToken { get; set; }

    /// <summary>The page's origin, as a browser sends it. Default null: no page.</summary>
    public string? Origin { get; set; }

    /// <summary>The subprotocols offered, the dearest first. Default none. RFC 6455, section 1.9.</summary>
    public IList<string> Subprotocols { get; } = [];

    /// <summary>
    /// Offers compression (permessage-deflate, RFC 7692) as a client with these options would; where the hub agrees, the peer inflates the messages it reads, and shows their frames as
    /// they came. What it sends is never compressed. Default null: nothing is offered.
    /// </summary>
    public WsCompressionOptions? Compression { get; set; }

    /// <summary>Further headers of the request.</summary>
    public IList<KeyValuePair<string, string>> Headers { get; } = [];

    /// <summary>
    /// The request, byte for byte, in place of the one that all this makes, blank line included: for what is malformed. One character a byte. Default null.
    /// </summary>
    public string? Request { get; set; }

    /// <summary>The peer's address, by which limits count. Default 127.0.0.1. Its port is the connection's own.</summary>
    public IPAddress Address { get; set; } = IPAddress.Loopback;

    /// <summary>Whether the connection seems to be TLS. Default false.</summary>
    public bool IsSecure { get; set; }

    /// <summary>How many bytes the transport holds in each direction for who does not read. Default 65,536.</summary>
    public int WindowBytes { get; set; } = 64 * 1024;

    internal string QueryWithMark => Query.Length == 0 || Query[0] == '?' ? Query : "?" + Query;

    internal ClaimsPrincipal? Principal => User ?? (UserId is null ? null : new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, UserId)], "test")));

    internal bool IsPastHandshake => SkipsHandshake || User is not null || UserId is not null;
}
