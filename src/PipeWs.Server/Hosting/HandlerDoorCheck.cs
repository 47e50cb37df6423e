using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server;

/// <summary>
/// Looks for an authorization that the handler door would pass by, at the one moment when both are known: the handler is made with the server, before the application's
/// endpoints are, and the pipeline is built with the endpoints, before the server starts.
/// </summary>
internal sealed class HandlerDoorCheck : IStartupFilter
{
    private volatile bool _isOpen;

    /// <summary>Said by the handler door when it is made.</summary>
    public void SetOpen() => _isOpen = true;

    /// <inheritdoc/>
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        next(app);
        if (!_isOpen)
        {
            return;
        }

        foreach (HubName hub in app.ApplicationServices.GetServices<HubName>())
        {
            AuthorizationBypass.ThrowIfOpen(app.ApplicationServices, HubDoor.Get(app.ApplicationServices, hub.Name));
        }
    };
}
