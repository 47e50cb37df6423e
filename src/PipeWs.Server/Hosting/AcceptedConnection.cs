using System.IO.Pipelines;
using System.Net;
using System.Security.Claims;

namespace PipeWs.Server.Hosting;

/// <summary>What a door gives the hub: a transport whose handshake is done, and who and where it is.</summary>
internal sealed class AcceptedConnection
{
    internal required IDuplexPipe Transport { get; init; }

    internal required string Path { get; init; }

    internal string Query { get; init; } = "";

    internal string? Subprotocol { get; init; }

    internal EndPoint? RemoteEndPoint { get; init; }

    internal ClaimsPrincipal User { get; init; } = new();

    internal string? UserId { get; init; }

    internal CancellationToken CloseRequested { get; init; }

    internal Action<Exception?>? Abort { get; init; }
}
