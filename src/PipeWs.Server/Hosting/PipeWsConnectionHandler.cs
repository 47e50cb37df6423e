using System.Collections.Frozen;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>
/// The handler door: serves hubs on an endpoint of their own, with no HTTP beneath. <c>listen.UseConnectionHandler&lt;PipeWsConnectionHandler&gt;()</c>,
/// after <c>UseHttps</c> if the endpoint is TLS.
/// </summary>
/// <remarks>
/// <see cref="PipeWsOptions.HandlerPaths"/> say which hub is at which path; a hub without any has all that no other hub claims, the first such hub where there are several.
/// No middleware of the application runs, no authentication among them: a hub that is also mapped with authorization requires it itself or names other paths here, or the application does not start.
/// An unknown path is answered with 404, a request that is not a handshake with 426 or what else RFC 6455 asks.
/// </remarks>
public sealed class PipeWsConnectionHandler : ConnectionHandler
{
    private readonly FrozenDictionary<string, HubDoor> _doors;
    private readonly HubDoor? _anyPath;
    private readonly HubDoor _first;
    private readonly HubDoor[] _all;

    /// <summary>Creates the handler; Kestrel does.</summary>
    /// <exception cref="InvalidOperationException">There is no hub, or two hubs claim one path.</exception>
    public PipeWsConnectionHandler(IServiceProvider services)
    {
        services.GetService<HandlerDoorCheck>()?.SetOpen();
        HubDoor[] doors = _all = [.. services.GetServices<HubName>().Select(hub => HubDoor.Get(services, hub.Name))];
        _first = doors.Length > 0 ? doors[0] : HubDoor.Get(services, "");
        _anyPath = doors.FirstOrDefault(static door => door.Options.HandlerPaths.Count == 0);
        var byPath = new Dictionary<string, HubDoor>(StringComparer.Ordinal);
        foreach (HubDoor door in doors)
        {
            foreach (string path in door.Options.HandlerPaths)
            {
                if (!byPath.TryAdd(path, door) && byPath[path] != door)
                {
                    throw new InvalidOperationException($"The hubs '{byPath[path].Name}' and '{door.Name}' both claim '{path}' in HandlerPaths.");
                }
            }
        }

        _doors = byPath.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public override Task OnConnectedAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);

        // The end's own task: nothing of the handshake is kept while the connection lives.
        var control = new RawTransport(connection);
        _ = ShakeHandsAsync(connection, control);
        return control.Ended;
    }

    private async Task ShakeHandsAsync(ConnectionContext connection, RawTransport control)
    {
        try
        {
            var reader = new HandshakeRequestReader();
            if (await RawHandshake.ReadAsync(connection, reader, ShortestTimeout(), _first.Clock) is { } status)
            {
                HubDoor? door = _doors.GetValueOrDefault(reader.Request.Path, _anyPath!);
                await RawHandshake.AnswerAsync(connection, control, reader, status, door, door ?? _first);
            }
            else
            {
                control.End();
            }
        }
        catch (Exception e)
        {
            control.End(e);
        }
    }

    // Whose handshake it is shows only at its end.
    private TimeSpan ShortestTimeout()
    {
        TimeSpan shortest = _first.Options.HandshakeTimeout;
        foreach (HubDoor door in _all)
        {
            TimeSpan timeout = door.Options.HandshakeTimeout;
            shortest = timeout < shortest ? timeout : shortest;
        }

        return shortest;
    }
}
