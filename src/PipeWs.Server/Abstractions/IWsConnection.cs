using System.Net;
using System.Security.Claims;

namespace PipeWs.Server;

/// <summary>One connection of the hub. Every member is safe from any thread.</summary>
public interface IWsConnection : IWsSender
{
    /// <summary>The connection's id, unique in the hub's life; also in the welcome message.</summary>
    string Id { get; }

    /// <summary>Who it is; an empty principal where nobody authenticated it.</summary>
    ClaimsPrincipal User { get; }

    /// <summary>The user's id by which <see cref="IWsHub.User"/> finds the connection; null where there is none.</summary>
    string? UserId { get; }

    /// <summary>The path of the handshake's request, without the query.</summary>
    string Path { get; }

    /// <summary>The query of the handshake's request with its question mark; empty where there is none.</summary>
    string Query { get; }

    /// <summary>The subprotocol agreed on; null where there is none.</summary>
    string? Subprotocol { get; }

    /// <summary>The peer's address; null where the transport has none.</summary>
    EndPoint? RemoteEndPoint { get; }

    /// <summary>When the handshake completed.</summary>
    DateTimeOffset ConnectedAt { get; }

    /// <summary>Fires when the connection begins to end, whoever began it.</summary>
    CancellationToken ConnectionClosed { get; }

    /// <summary>Completes with how the connection ended, when it has.</summary>
    Task<WsCloseInfo> Closed { get; }

    /// <summary>The names of the rooms it is a member of, as they are now.</summary>
    IReadOnlyList<string> Rooms { get; }

    /// <summary>Whether it is a member of a room.</summary>
    bool IsSubscribed(string room);

    /// <summary>Gives a piece of metadata; null where there is none under this key.</summary>
    object? GetMetadata(string key);

    /// <summary>Sets a piece of metadata of the application's, kept until the connection closes.</summary>
    void SetMetadata(string key, object value);

    /// <summary>Removes a piece of metadata.</summary>
    /// <returns>Whether there was one.</returns>
    bool RemoveMetadata(string key);

    /// <summary>
    /// Begins a message that is sent in parts, each a fragment (RFC 6455, section 5.4). Other messages to this connection wait until it was completed.
    /// </summary>
    WsMessageWriter BeginMessage(WsMessageType type);

    /// <summary>Begins a message that is sent in parts, and of which something more is to be said. Whoever has no use for that sends it like any other.</summary>
    /// <inheritdoc cref="BeginMessage(WsMessageType)"/>
    WsMessageWriter BeginMessage(WsMessageType type, WsSendOptions options) => BeginMessage(type);

    /// <summary>Whether the handshake agreed on compression.</summary>
    bool IsCompressed => false;

    /// <summary>Makes the connection a member of a room, from the head of its log or from where <paramref name="since"/> says.</summary>
    /// <returns>What happened; joining a room twice changes nothing and gives the first membership's answer.</returns>
    ValueTask<WsJoinResult> JoinAsync(string room, WsSince since = default, CancellationToken cancellationToken = default);

    /// <summary>Ends the membership; nothing of the room is sent once it completed.</summary>
    /// <returns>Whether it was a member.</returns>
    ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default);

    /// <summary>Sends a ping and measures the round trip.</summary>
    /// <remarks>A handler must not await this on its own connection: the pong is read after it.</remarks>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="WsClosedException">The connection ended first.</exception>
    ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Begins the closing handshake, after all that is pending was sent, and completes when the connection has ended. A handler uses
    /// <see cref="BeginClose"/> on its own connection: the peer's close frame is read after it.
    /// </summary>
    /// <param name="code">1000-1003, 1007-1014 or 3000-4999.</param>
    /// <param name="reason">At most 123 bytes of UTF-8; what is longer is cut.</param>
    /// <param name="cancellationToken">Gives up waiting; the closing goes on.</param>
    ValueTask<WsCloseInfo> CloseAsync(ushort code = 1000, string reason = "", CancellationToken cancellationToken = default);

    /// <summary>Begins the closing handshake like <see cref="CloseAsync"/>, and does not wait for it.</summary>
    void BeginClose(ushort code = 1000, string reason = "");

    /// <summary>Drops the transport now, without a closing handshake.</summary>
    void Abort(Exception? reason = null);
}
