using Microsoft.AspNetCore.Authorization;

namespace PipeWs.Server;

/// <summary>What a policy may say to the hub.</summary>
public static class WsAuthorizationPolicyExtensions
{
    /// <summary>
    /// Lets the hub keep a yes for as long as the connection has the same user, instead of asking before each message. For policies that depend on nothing but the user: not on the
    /// time, nor on the message. A no is never kept. Elsewhere in ASP.NET Core it changes nothing.
    /// </summary>
    /// <param name="policy">The policy's builder.</param>
    public static AuthorizationPolicyBuilder CachePerConnection(this AuthorizationPolicyBuilder policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.AddRequirements(CachedRequirement.Instance);
    }

    /// <summary>Whether a policy lets its yes be kept.</summary>
    internal static bool IsCachedPerConnection(this AuthorizationPolicy policy) => policy.Requirements.Contains(CachedRequirement.Instance);

    /// <summary>A requirement that everybody meets.</summary>
    private sealed class CachedRequirement : IAuthorizationRequirement, IAuthorizationHandler
    {
        public static readonly CachedRequirement Instance = new();

        public Task HandleAsync(AuthorizationHandlerContext context)
        {
            context.Succeed(this);
            return Task.CompletedTask;
        }

        public override string ToString() => nameof(CachePerConnection);
    }
}
