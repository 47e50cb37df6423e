using Microsoft.AspNetCore.Connections;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>The fast door: connection middleware that keeps the WebSockets of one path and hands everything else on, untouched.</summary>
internal sealed class FastDoor(HandshakePaths paths, HubDoor door, ConnectionDelegate next)
{
    public async Task OnConnectionAsync(ConnectionContext connection)
    {
        var reader = new HandshakeRequestReader(paths);
        HandshakeReadStatus? status = await RawHandshake.ReadAsync(connection, reader, door.Options.HandshakeTimeout, door.Clock);
        if (status is null or HandshakeReadStatus.NotOurs)
        {
            // What ended before it could be told apart is not ours either: whoever comes next sees the same bytes and the same end.
            await next(connection);
            return;
        }

        Task answered = RawHandshake.AnswerAsync(connection, reader, status.Value, door, door);
        reader = null!;
        await answered;
    }
}
