using System.Net;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server.Identity;

/// <summary>What is logged about identity. Event ids 2200-2299. Tokens and queries are never logged, and a reason is what an authenticator said.</summary>
internal static partial class IdentityLog
{
    [LoggerMessage(2200, LogLevel.Warning, "The hub '{Hub}' lets web pages of any origin connect (AllowAnyOrigin): a foreign page can then use what a browser sends by itself, such as a cookie", EventName = "AnyOriginAllowed")]
    public static partial void AnyOriginAllowed(ILogger logger, string hub);

    [LoggerMessage(2201, LogLevel.Error, "The authenticator of the hub '{Hub}' failed for {Path} from {RemoteEndPoint}", EventName = "AuthenticatorFailed")]
    public static partial void AuthenticatorFailed(ILogger logger, string hub, string path, EndPoint? remoteEndPoint, Exception exception);

    [LoggerMessage(2202, LogLevel.Warning, "The authenticator of the hub '{Hub}' gave no answer within {Timeout} for {Path} from {RemoteEndPoint}", EventName = "AuthenticatorTimedOut")]
    public static partial void AuthenticatorTimedOut(ILogger logger, string hub, TimeSpan timeout, string path, EndPoint? remoteEndPoint);

    [LoggerMessage(2206, LogLevel.Error, "A policy of the hub '{Hub}' failed for {Path} from {RemoteEndPoint}", EventName = "PoliciesFailed")]
    public static partial void PoliciesFailed(ILogger logger, string hub, string path, EndPoint? remoteEndPoint, Exception exception);

    [LoggerMessage(2207, LogLevel.Warning, "The policies of the hub '{Hub}' gave no answer within {Timeout} for {Path} from {RemoteEndPoint}", EventName = "PoliciesTimedOut")]
    public static partial void PoliciesTimedOut(ILogger logger, string hub, TimeSpan timeout, string path, EndPoint? remoteEndPoint);

    [LoggerMessage(2203, LogLevel.Information, "Connection {ConnectionId}: an auth message was refused with {Code}, {Reason}", EventName = "AuthRefused")]
    public static partial void AuthRefused(ILogger logger, string connectionId, int code, string reason);

    [LoggerMessage(2204, LogLevel.Debug, "Connection {ConnectionId}: authenticated by an auth message", EventName = "Authenticated")]
    public static partial void Authenticated(ILogger logger, string connectionId);

    [LoggerMessage(2205, LogLevel.Debug, "Connection {ConnectionId}: its policy does not let it join {Room}", EventName = "RoomForbidden")]
    public static partial void RoomForbidden(ILogger logger, string connectionId, string room);
}
