using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>Connections that send nothing but the pongs and keep-alives they owe.</summary>
internal sealed class IdleWorkload : Workload
{
    public override void OnMessage(LoadConnection connection, Opcode type, ReadOnlySpan<byte> payload) => OnForeignMessage();
}
