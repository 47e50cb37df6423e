using System.Diagnostics.CodeAnalysis;
using System.Net;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>The hub as its doors see it. A keyed singleton under the hub's name.</summary>
internal interface IHubEntrance
{
    /// <summary>
    /// Takes a place among the hub's connections (MaxConnections, MaxConnectionsPerAddress, a hub that is draining or shutting down) before the handshake is answered.
    /// </summary>
    /// <param name="remote">The peer's address.</param>
    /// <param name="place">The place; the door disposes of it exactly once, whatever becomes of the connection.</param>
    /// <param name="refusal">The answer where there is none: 503, in words that name the limit.</param>
    bool TryReserve(EndPoint? remote, [NotNullWhen(true)] out IDisposable? place, out HandshakeRefusal refusal);

    /// <summary>Counts a handshake that the server's own limit on upgraded connections refused.</summary>
    void CountUpgradeLimit()
    {
    }

    /// <summary>
    /// Begins to serve the connection. Completes when it is served, so that a door need not wait with all it had for the handshake; at its end <see cref="AcceptedConnection.End"/> is called.
    /// The pipes may be completed or not by then; the door closes the transport.
    /// </summary>
    Task StartAsync(AcceptedConnection connection);
}

/// <summary>For doors that wait anyway.</summary>
internal static class HubEntranceExtensions
{
    /// <summary>Serves a connection until it has ended.</summary>
    public static async Task RunAsync(this IHubEntrance entrance, AcceptedConnection connection)
    {
        AcceptedTransport control = connection.Control;
        await entrance.StartAsync(connection);
        await control.Ended;
    }
}
