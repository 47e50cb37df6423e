using Microsoft.AspNetCore.Authorization;
using PipeWs.Server.Identity;

namespace PipeWs.Server;

// Who may join by a subscribe message.
public sealed partial class WsRoomOptions
{
    // Fields, because the reader of the configuration takes every property for an option.

    /// <summary>The policy as it was given.</summary>
    internal PolicyReference? Policy;

    /// <summary>The policy itself, found when the hub starts.</summary>
    internal AuthorizationPolicy? ResolvedPolicy;

    /// <summary>
    /// The name of the authorization policy that a connection's user must meet to join by a subscribe message: error 403 otherwise. Default null: none. The policies are the application's
    /// own (<c>AddAuthorization</c>); a name that is not one of them is found when the application starts. The policy's handlers get a <see cref="WsRoomAccess"/>.
    /// </summary>
    /// <remarks>
    /// It is asked at every subscribe, with <c>since</c> or without. What the application joins by <see cref="IWsConnection.JoinAsync"/> is its own decision, and a membership is not
    /// looked at again when the user refreshes its token.
    /// </remarks>
    public string? AuthorizationPolicy
    {
        get => Policy?.Name;
        set => Policy = value is null ? null : new PolicyReference(value);
    }

    /// <summary>Lets only users join who meet the application's default policy: authenticated ones, unless it says otherwise.</summary>
    public void RequireAuthorization() => Policy = PolicyReference.Default;

    /// <summary>Lets only users join who meet a policy; see <see cref="AuthorizationPolicy"/>.</summary>
    /// <param name="policyName">The policy's name.</param>
    public void RequireAuthorization(string policyName)
    {
        ArgumentException.ThrowIfNullOrEmpty(policyName);
        Policy = new PolicyReference(policyName);
    }

    /// <summary>Lets only users join who meet a policy; see <see cref="AuthorizationPolicy"/>.</summary>
    /// <param name="policy">The policy.</param>
    public void RequireAuthorization(AuthorizationPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        Policy = new PolicyReference(Policy: policy);
    }
}
