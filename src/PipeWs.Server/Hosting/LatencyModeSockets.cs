using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace PipeWs.Server;

/// <summary>Tells Kestrel's sockets to go on where they are, where a hub asks for <see cref="WsLatencyMode.LowLatency"/>.</summary>
internal sealed class LatencyModeSockets(IEnumerable<HubName> hubs, IOptionsMonitor<PipeWsOptions> options) : IPostConfigureOptions<SocketTransportOptions>
{
    public void PostConfigure(string? name, SocketTransportOptions sockets)
    {
        foreach (HubName hub in hubs)
        {
            sockets.UnsafePreferInlineScheduling |= options.Get(hub.Name).LatencyMode == WsLatencyMode.LowLatency;
        }
    }
}
