using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Bits and opcodes that mean nothing. RFC 6455, section 5.2: "the receiving endpoint MUST _Fail the WebSocket Connection_".</summary>
internal static class ReservedCases
{
    private static readonly int[] s_opcodes = [RawFrame.Text, RawFrame.Binary, RawFrame.Close, RawFrame.Ping, RawFrame.Pong];
    private static readonly int[] s_reserved = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

    public static IEnumerable<ConformanceCase> All()
    {
        for (int bits = 1; bits <= 7; bits++)
        {
            foreach (int opcode in s_opcodes)
            {
                foreach (ConformanceCase one in Everywhere($"3.rsv-{bits}.{Frames.NameOf(opcode)}", $"a {Frames.NameOf(opcode)} frame with reserved bits {bits}", new WireFrame(opcode, opcode == RawFrame.Close ? [3, 232] : "Hello"u8.ToArray(), Rsv: bits << 4)))
                {
                    yield return one;
                }
            }

            int rsv = bits << 4;
            yield return new ConformanceCase($"3.rsv-{bits}.continuation.start", $"a continuation with reserved bits {bits}: failed at its second byte", script =>
                script.Send(Frames.Text("be", fin: false)).Lives().Send(new WireFrame(RawFrame.Continuation, [1], Rsv: rsv) { HeaderBytes = 2 }).Closes(1002));
        }

        foreach (int opcode in s_reserved)
        {
            foreach (byte[] payload in (byte[][])[[], "reserved"u8.ToArray()])
            {
                string id = $"4.{opcode:X}.{payload.Length}";
                foreach (ConformanceCase one in Everywhere(id, $"opcode {opcode:X} with {payload.Length} bytes", new WireFrame(opcode, payload)))
                {
                    yield return one;
                }
            }

            yield return new ConformanceCase($"4.{opcode:X}.no-fin", $"opcode {opcode:X} without FIN: failed at its second byte", script =>
                script.Send(new WireFrame(opcode, [], Fin: false) { HeaderBytes = 2 }).Closes(1002));
            yield return new ConformanceCase($"4.{opcode:X}.in-message", $"opcode {opcode:X} in a fragmented message: failed at its second byte", script =>
                script.Send(Frames.Text("be", fin: false)).Lives().Send(new WireFrame(opcode, []) { HeaderBytes = 2 }).Closes(1002));
        }
    }

    /// <summary>First of all, after a message, before a ping that must not be answered, byte by byte; and judged at the second byte.</summary>
    private static IEnumerable<ConformanceCase> Everywhere(string id, string description, WireFrame bad)
    {
        yield return new ConformanceCase($"{id}.first", $"{description}, first", script => script.Send(bad).Closes(1002));
        yield return new ConformanceCase($"{id}.start", $"{description}, first: failed at its second byte", script => script.Send(bad with { HeaderBytes = 2, PayloadBytes = 0 }).Closes(1002));
        foreach (Chop chop in (Chop[])[Chop.Whole, Chop.Bytes])
        {
            yield return new ConformanceCase($"{id}.together.{chop.Name}", $"{description} between a message and a ping, all sent {chop.Name}", script =>
            {
                script.Chop = chop;
                script.Send(Frames.Text("before"), bad, Frames.Ping("after")).Echoes(RawFrame.Text, "before"u8.ToArray()).Closes(1002);
            });
        }

        yield return new ConformanceCase($"{id}.apart", $"{description} between a message and a ping, each sent by itself", script =>
            script.Send(Frames.Text("before")).Send(bad).Send(Frames.Ping("after")).Echoes(RawFrame.Text, "before"u8.ToArray()).Closes(1002));
    }
}
