namespace PipeWs.Server.Routing;

internal sealed partial class HubRegistration
{
    /// <summary>The options of the rooms whose names match a pattern.</summary>
    public List<(string Pattern, Action<WsRoomOptions> Configure)> RoomRules { get; } = [];
}
