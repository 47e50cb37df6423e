using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>One member of one fake room, and what the application was told of it.</summary>
internal sealed class FakeMembership(FakeWsRoom room, WsJoinResult answer)
{
    private int _told;

    public FakeWsRoom Room => room;

    /// <summary>What the join answered, for whoever joins again.</summary>
    public WsJoinResult Answer => answer;

    /// <summary>The application was told of the join.</summary>
    /// <returns><see langword="false"/> where it has left meanwhile, of which the caller then tells.</returns>
    public bool TryEndJoinEvent() => Interlocked.CompareExchange(ref _told, 1, 0) == 0;

    /// <summary>It has left.</summary>
    /// <returns><see langword="false"/> where the application is not told of the join yet; whoever does tells of this too.</returns>
    public bool TryBeginLeaveEvent() => Interlocked.CompareExchange(ref _told, 2, 0) != 0;
}
