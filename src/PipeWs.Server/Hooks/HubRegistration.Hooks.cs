namespace PipeWs.Server.Routing;

internal sealed partial class HubRegistration
{
    public List<Func<IWsConnection, ValueTask<WsDecision>>> ConnectHooks { get; } = [];

    public List<Func<IWsConnection, WsCloseInfo, ValueTask>> DisconnectHooks { get; } = [];

    public List<Func<WsMessageContext, ValueTask<WsDecision>>> MessageHooks { get; } = [];

    public List<Func<WsErrorContext, ValueTask>> ErrorHooks { get; } = [];

    public List<Func<IWsConnection, string, ValueTask<WsDecision>>> JoinRoomHooks { get; } = [];

    public List<Func<WsRoomEvent, ValueTask>> LeaveRoomHooks { get; } = [];
}
