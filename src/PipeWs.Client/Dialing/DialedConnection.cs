using System.IO.Pipelines;

namespace PipeWs.Client.Dialing;

/// <summary>A transport whose handshake is done.</summary>
internal sealed record DialedConnection(IDuplexPipe Transport, Action<Exception?> Abort, string? Subprotocol, string? RemoteEndPoint, TimeSpan Duration);
