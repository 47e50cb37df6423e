using Microsoft.Extensions.Hosting;

namespace PipeWs.Client.Hosting;

/// <summary>Starts and stops a client with the host. A server that is away must not keep the host from starting.</summary>
internal sealed class HostedClient(WsClient client) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        client.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => client.StopAsync(cancellationToken);
}

/// <summary>Marks a client that the host starts.</summary>
internal sealed record HostedClientName(string Name);
