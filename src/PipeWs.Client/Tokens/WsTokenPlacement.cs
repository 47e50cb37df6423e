namespace PipeWs.Client;

/// <summary>Where a token stands in the handshake.</summary>
public enum WsTokenPlacement
{
    /// <summary>In the header <c>Authorization: Bearer ...</c>. RFC 6750, section 2.1.</summary>
    AuthorizationHeader,

    /// <summary>In the query, under <see cref="WsClientOptions.TokenParameter"/>, as exchanges do it. Servers and proxies on the way may log it.</summary>
    Query,
}
