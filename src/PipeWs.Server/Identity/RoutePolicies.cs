using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server.Identity;

/// <summary>A policy as the application gave it: by name, as it is, or the default one.</summary>
internal sealed record PolicyReference(string? Name = null, AuthorizationPolicy? Policy = null)
{
    public static readonly PolicyReference Default = new();
}

/// <summary>Finds and asks policies, the same objects that the application's endpoints use: for hubs, routes and rooms.</summary>
internal static class RoutePolicies
{
    /// <summary>Finds a policy. Called when the application starts.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="reference">Which policy.</param>
    /// <param name="subject">Who asks for it, as a message begins: "PipeWs rooms 'x*'".</param>
    /// <exception cref="InvalidOperationException">There is no such policy.</exception>
    public static AuthorizationPolicy Resolve(IServiceProvider services, PolicyReference reference, string subject)
    {
        IAuthorizationPolicyProvider policies = services.GetService<IAuthorizationPolicyProvider>()
            ?? throw new InvalidOperationException($"{subject} asks for an authorization policy, and there is no authorization: call services.AddAuthorization().");
        if (reference.Policy is { } given)
        {
            return given;
        }

        AuthorizationPolicy? policy = reference.Name is { } name ? policies.GetPolicyAsync(name).GetAwaiter().GetResult() : policies.GetDefaultPolicyAsync().GetAwaiter().GetResult();
        return policy ?? throw new InvalidOperationException($"{subject}: the authorization policy is '{reference.Name}'; it must be the name of a policy that services.AddAuthorization() adds.");
    }

    /// <summary>Whether a policy lets a user do something.</summary>
    /// <param name="services">The application's services; handlers that are scoped get a scope of their own.</param>
    /// <param name="user">Who.</param>
    /// <param name="resource">What: given to the policy's handlers.</param>
    /// <param name="policy">The policy. Its authentication schemes do not count: the connection is authenticated already.</param>
    public static async ValueTask<bool> IsAllowedAsync(IServiceProvider services, ClaimsPrincipal user, object resource, AuthorizationPolicy policy)
    {
        await using AsyncServiceScope scope = services.CreateAsyncScope();
        IAuthorizationService authorization = scope.ServiceProvider.GetRequiredService<IAuthorizationService>();
        return (await authorization.AuthorizeAsync(user, resource, policy.Requirements)).Succeeded;
    }
}
