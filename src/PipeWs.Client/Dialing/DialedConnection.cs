using System.IO.Pipelines;
using PipeWs.Protocol.Compression;

namespace PipeWs.Client.Dialing;

/// <summary>A transport whose handshake is done.</summary>
internal sealed record DialedConnection(IDuplexPipe Transport, Action<Exception?> Abort, string? Subprotocol, DeflateParameters? Compression, string? RemoteEndPoint, TimeSpan Duration);
