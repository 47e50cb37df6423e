using System.Net;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server;

/// <summary>What the doors log, under <c>PipeWs.Server.Hosting</c>. Event ids 100-119. Queries are never logged: they hold tokens.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(100, LogLevel.Information, "Refused a handshake for {Path} from {RemoteEndPoint}: {StatusCode}, {Reason}", EventName = "HandshakeRefused")]
    public static partial void HandshakeRefused(ILogger logger, string path, EndPoint? remoteEndPoint, int statusCode, string reason);
}
