using PipeWs.Server.Identity;

namespace PipeWs.Server.Routing;

internal sealed partial class HubRegistration
{
    /// <summary>Makes what says who a connection is; null where nobody asks.</summary>
    public Func<IServiceProvider, IConnectionAuthenticator>? CreateAuthenticator { get; set; }

    /// <summary>The policies that a user must meet to open a connection.</summary>
    public List<PolicyReference> HubPolicies { get; } = [];

    /// <summary>Whether nobody comes in without having been authenticated, by the application or by the hub.</summary>
    public bool RequiresAuthentication { get; set; }
}
