using Microsoft.AspNetCore.Connections;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>The fast door: connection middleware that keeps the WebSockets of one path and hands everything else on, untouched.</summary>
internal sealed class FastDoor(HandshakePaths paths, HubDoor door, ConnectionDelegate next)
{
    /// <summary>Gives the end's own task, so that no method waits for it: nothing of the handshake is kept while the connection lives.</summary>
    public Task OnConnectionAsync(ConnectionContext connection)
    {
        var control = new RawTransport(connection);
        _ = ShakeHandsAsync(connection, control);
        return control.Ended;
    }

    private async Task ShakeHandsAsync(ConnectionContext connection, RawTransport control)
    {
        try
        {
            var reader = new HandshakeRequestReader(paths);
            HandshakeReadStatus? status = await RawHandshake.ReadAsync(connection, reader, door.Options.HandshakeTimeout, door.Clock);
            if (status is null or HandshakeReadStatus.NotOurs)
            {
                // What ended before it could be told apart is not ours either: whoever comes next sees the same bytes and the same end.
                reader = null!;
                await next(connection);
                control.End();
                return;
            }

            await RawHandshake.AnswerAsync(connection, control, reader, status.Value, door, door);
        }
        catch (Exception e)
        {
            control.End(e);
        }
    }
}
