using Microsoft.AspNetCore.Connections;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>The fast door: connection middleware that keeps the WebSockets of one path and hands everything else on, untouched.</summary>
internal sealed class FastDoor(HandshakePaths paths, HubDoor door, ConnectionDelegate next)
{
    /// <summary>Unwrapped instead of awaited: nothing of the handshake is kept while the connection lives.</summary>
    public Task OnConnectionAsync(ConnectionContext connection) => ShakeHandsAsync(connection).Unwrap();

    /// <returns>The rest of the connection's life.</returns>
    private async Task<Task> ShakeHandsAsync(ConnectionContext connection)
    {
        var reader = new HandshakeRequestReader(paths);
        HandshakeReadStatus? status = await RawHandshake.ReadAsync(connection, reader, door.Options.HandshakeTimeout, door.Clock);
        if (status is null or HandshakeReadStatus.NotOurs)
        {
            // What ended before it could be told apart is not ours either: whoever comes next sees the same bytes and the same end.
            return next(connection);
        }

        return await RawHandshake.AnswerAsync(connection, reader, status.Value, door, door);
    }
}
