using PipeWs.Protocol.Framing;

namespace PipeWs;

// What the resilient client needs to know of its connection and nobody else.
public sealed partial class WsConnection
{
    /// <summary>Whether less than <see cref="WsConnectionOptions.SendBacklogBytes"/> wait, so that a message need not.</summary>
    internal bool HasRoom => !IsBacklogFull;

    /// <summary>Waits until there is room, or nothing can be sent any more.</summary>
    internal async ValueTask WaitForRoomAsync()
    {
        while (IsBacklogFull)
        {
            await WaitForBacklogAsync(CancellationToken.None);
        }
    }

    /// <summary>"A Pong frame MAY be sent unsolicited. This serves as a unidirectional heartbeat." RFC 6455, section 5.5.3.</summary>
    internal void SendUnsolicitedPong() => SendControl(Opcode.Pong, []);
}
