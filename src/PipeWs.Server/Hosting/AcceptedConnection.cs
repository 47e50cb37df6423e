using System.IO.Pipelines;
using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using PipeWs.Protocol.Compression;
using PipeWs.Server.Limits;

namespace PipeWs.Server;

/// <summary>What a door gives the hub: a connection whose handshake was accepted, and who and where it is. Let go of when it is served; its <see cref="Control"/> stays.</summary>
internal sealed class AcceptedConnection
{
    /// <param name="abort">Drops the transport. Never called after <see cref="End"/>.</param>
    public AcceptedConnection(Action<Exception?> abort)
        : this(new CallbackTransport(abort))
    {
    }

    /// <param name="control">How the transport is dropped.</param>
    public AcceptedConnection(AcceptedTransport control)
    {
        Control = control;
    }

    /// <summary>The way to drop the transport, and to learn of its end.</summary>
    public AcceptedTransport Control { get; }

    /// <summary>Bytes both ways. Input starts with the first frame, some of which may have come with the handshake.</summary>
    public required IDuplexPipe Transport { get; init; }

    /// <summary>
    /// The bytes that must leave before the first frame: the 101 where the door did not send it. Left to the hub so that one writer sends
    /// everything, whichever way it sends, and the welcome message can leave with it.
    /// </summary>
    public ReadOnlyMemory<byte> Answer { get; set; }

    /// <summary>The path, without the query.</summary>
    public required string Path { get; init; }

    /// <summary>The query with its question mark; empty where there is none. Holds tokens: never to be logged.</summary>
    public string Query { get; init; } = "";

    /// <summary>The subprotocol agreed on; null where there is none.</summary>
    public string? Subprotocol { get; init; }

    /// <summary>What was agreed on about compression; null where nothing was.</summary>
    public DeflateParameters? Compression { get; init; }

    /// <summary>The <c>traceparent</c> that the connection's activity continues; null where there is none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The <c>tracestate</c> that came with it.</summary>
    public string? TraceState { get; init; }

    /// <summary>The peer's address; null where the transport has none.</summary>
    public EndPoint? RemoteEndPoint { get; init; }

    /// <summary>The server's own end; null where the transport has none.</summary>
    public EndPoint? LocalEndPoint { get; init; }

    /// <summary>Whom the application authenticated; null where nobody did.</summary>
    public ClaimsPrincipal? User { get; init; }

    /// <summary>The user's id: the claim NameIdentifier, or <c>sub</c>.</summary>
    public string? UserId => IdOf(User);

    /// <summary>When the user's authentication ends; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Whether the connection must still say who it is, by an <c>auth</c> message.</summary>
    public bool AwaitsAuthentication { get; init; }

    /// <summary>Whether the connection is TLS.</summary>
    public bool IsSecure { get; init; }

    /// <summary>
    /// The features of the transport's connection, where nothing was written to <see cref="Transport"/> yet and nobody else will; null where HTTP is beneath,
    /// which sent the answer through it.
    /// </summary>
    public IFeatureCollection? ConnectionFeatures { get; init; }

    /// <summary>
    /// The event loop that owns the transport, where its transport has such: what is read there is handled there, without a thread's hop. Null for Kestrel's own sockets.
    /// </summary>
    public PipeScheduler? Loop { get; init; }

    /// <summary>Its place under the limits on connections, of one that is dropped by a call; null where nobody counts.</summary>
    public ConnectionPlace? Place
    {
        get => Control.Place;
        init => ((CallbackTransport)Control).SetPlace(value);
    }

    /// <summary>Fires when the transport is gone: of one that is dropped by a call.</summary>
    public CancellationToken TransportClosed
    {
        get => Control.Closed;
        init => ((CallbackTransport)Control).ClosedToken = value;
    }

    /// <summary>Fires when the server asks the connection to end: 1001, drain, close.</summary>
    public required CancellationToken CloseRequested
    {
        get => Control.CloseRequested;
        init => Control.CloseRequested = value;
    }

    /// <summary>A user's id; null where there is none.</summary>
    public static string? IdOf(ClaimsPrincipal? user) => user?.FindFirst(ClaimTypes.NameIdentifier)?.Value ?? user?.FindFirst("sub")?.Value;

    /// <inheritdoc cref="AcceptedTransport.Abort"/>
    public void Abort(Exception? reason = null) => Control.Abort(reason);

    /// <inheritdoc cref="AcceptedTransport.End"/>
    public void End(Exception? failure = null) => Control.End(failure);
}
