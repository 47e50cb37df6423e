using System.Net;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server;

/// <summary>What the doors log, under <c>PipeWs.Server.Hosting</c>. Event ids 100-119. Queries are never logged: they hold tokens.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(100, LogLevel.Information, "Refused a handshake for {Path} from {RemoteEndPoint}: {StatusCode}, {Reason}", EventName = "HandshakeRefused")]
    public static partial void HandshakeRefused(ILogger logger, string path, EndPoint? remoteEndPoint, int statusCode, string reason);

    [LoggerMessage(101, LogLevel.Debug, "{RemoteEndPoint} was gone before its handshake for {Path} was answered", EventName = "HandshakeLost")]
    public static partial void HandshakeLost(ILogger logger, EndPoint? remoteEndPoint, string path, Exception? exception);
}
