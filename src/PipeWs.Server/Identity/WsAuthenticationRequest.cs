using System.Net;

namespace PipeWs.Server;

/// <summary>What a peer says about itself, in a handshake or in an <c>auth</c> message.</summary>
public sealed class WsAuthenticationRequest
{
    /// <summary>The token; null where none was given. Never to be logged.</summary>
    public string? Token { get; init; }

    /// <summary>The path of the handshake, without the query.</summary>
    public required string Path { get; init; }

    /// <summary>The query of the handshake with its question mark and without the token; empty where there is none.</summary>
    public string Query { get; init; } = "";

    /// <summary>The subprotocols the client offers, as sent but without those that carry a token; null where there are none, and in an <c>auth</c> message.</summary>
    public string? Subprotocols { get; init; }

    /// <summary>The <c>Authorization</c> header as sent, whatever its scheme; null where there is none, and in an <c>auth</c> message. Never to be logged.</summary>
    public string? Authorization { get; init; }

    /// <summary>The <c>Origin</c>, which was judged before; null where there is none, and in an <c>auth</c> message.</summary>
    public string? Origin { get; init; }

    /// <summary>The peer's address; null where the transport has none.</summary>
    public EndPoint? RemoteEndPoint { get; init; }

    /// <summary>Whether the connection is TLS.</summary>
    public bool IsSecure { get; init; }

    /// <summary>The open connection that sent an <c>auth</c> message; null in a handshake.</summary>
    public IWsConnection? Connection { get; init; }
}
