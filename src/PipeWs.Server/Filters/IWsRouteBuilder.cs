using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Authorization;

namespace PipeWs.Server;

/// <summary>Configures one action. Its filters come after the hub's, in the order they were added.</summary>
public interface IWsRouteBuilder
{
    /// <summary>The action.</summary>
    string Action { get; }

    /// <summary>Adds a filter.</summary>
    IWsRouteBuilder UseFilter(IWsMessageFilter filter);

    /// <summary>Adds a filter in a few lines.</summary>
    IWsRouteBuilder UseFilter(Func<WsMessageContext, WsMessageDelegate, ValueTask> filter);

    /// <summary>Adds a filter from the application's services, or made with them, once, when the hub starts.</summary>
    /// <typeparam name="T">The filter's type.</typeparam>
    IWsRouteBuilder UseFilter<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>()
        where T : class, IWsMessageFilter;

    /// <summary>Counts this action's messages under a limit that <c>AddRateLimit</c> defined; actions that name the same one share it.</summary>
    /// <param name="name">The limit's name. One that is not defined is found when the hub starts.</param>
    IWsRouteBuilder RequireRateLimit(string name);

    /// <summary>Counts this action's messages under a limit of its own, named after the action unless <see cref="WsRateLimitOptions.Name"/> is set.</summary>
    /// <param name="configure">Sets the limit.</param>
    IWsRouteBuilder RequireRateLimit(Action<WsRateLimitOptions> configure);

    /// <summary>Lets only users through who meet the application's default policy: by default, who are authenticated. Others get an error 401 or 403.</summary>
    IWsRouteBuilder RequireAuthorization();

    /// <summary>Lets only users through who meet a policy. Others get an error 401, where they are not authenticated, or 403.</summary>
    /// <param name="policy">The policy's name. One that does not exist is found when the hub starts.</param>
    IWsRouteBuilder RequireAuthorization(string policy);

    /// <summary>Lets only users through who meet a policy. Others get an error 401, where they are not authenticated, or 403.</summary>
    /// <param name="policy">The policy.</param>
    IWsRouteBuilder RequireAuthorization(AuthorizationPolicy policy);
}
