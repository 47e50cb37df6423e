using System.Security.Claims;
using PipeWs.Server.Identity;

namespace PipeWs.Server.Hubs;

// Who it is, which an auth message may change.
internal sealed partial class HubConnection
{
    private ClaimsPrincipal? _user;
    private string? _userId;

    /// <summary>Nobody is made when asked for: it is the caller's to add to, and cannot be shared.</summary>
    public ClaimsPrincipal User => Volatile.Read(ref _user) ?? Interlocked.CompareExchange(ref _user, new ClaimsPrincipal(), null) ?? _user;

    public string? UserId => Volatile.Read(ref _userId);

    /// <summary>What there is to its identity beside the user; null where the hub asks nobody and nothing ends.</summary>
    internal ConnectionIdentity? Identity { get; set; }

    /// <summary>Whether an auth message may make it this user: it is nobody yet, or the same.</summary>
    internal bool MayBecome(string? userId) => User.Identity is not { IsAuthenticated: true } || (userId is not null && userId == UserId);

    internal void SetUser(ClaimsPrincipal user, string? userId)
    {
        Volatile.Write(ref _user, user);
        Volatile.Write(ref _userId, userId);
    }
}
