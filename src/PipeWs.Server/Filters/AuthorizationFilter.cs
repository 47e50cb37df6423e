using System.Runtime.CompilerServices;
using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server.Filters;

/// <summary>Lets through the messages of users who meet a policy.</summary>
internal sealed partial class AuthorizationFilter : IWsMessageFilter
{
    private readonly IServiceScopeFactory _scopes;
    private readonly ILogger _logger;
    private readonly string? _name;

    /// <summary>Null where the application's provider of policies wants to be asked each time.</summary>
    private readonly AuthorizationPolicy? _policy;
    private readonly IAuthorizationPolicyProvider? _provider;

    /// <summary>The user of each connection to which yes was said, where the policy lets it be kept.</summary>
    private readonly ConditionalWeakTable<IWsConnection, ClaimsPrincipal>? _allowed;

    private AuthorizationFilter(FilterScope scope, string? name, AuthorizationPolicy? policy, IAuthorizationPolicyProvider? provider)
    {
        _scopes = scope.Services.GetRequiredService<IServiceScopeFactory>();
        _logger = scope.Logger;
        _name = name;
        _policy = policy;
        _provider = provider;
        _allowed = policy?.IsCachedPerConnection() == true ? [] : null;
    }

    /// <summary>Makes the filter of a policy: one given, one by its name, or the default one.</summary>
    /// <exception cref="InvalidOperationException">There is no policy of this name.</exception>
    public static AuthorizationFilter Create(FilterScope scope, string? name, AuthorizationPolicy? policy)
    {
        if (policy is not null)
        {
            return new AuthorizationFilter(scope, null, policy, null);
        }

        IAuthorizationPolicyProvider provider = scope.Services.GetRequiredService<IAuthorizationPolicyProvider>();
        AuthorizationPolicy found = FindAsync(provider, name).GetAwaiter().GetResult();
        return provider.AllowsCachingPolicies ? new AuthorizationFilter(scope, name, found, null) : new AuthorizationFilter(scope, name, null, provider);
    }

    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
    {
        if (!context.IsFirstPart || (_allowed is not null && _allowed.TryGetValue(context.Connection, out ClaimsPrincipal? user) && ReferenceEquals(user, context.Connection.User)))
        {
            return next(context);
        }

        return AuthorizeAsync(context, next);
    }

    private static async Task<AuthorizationPolicy> FindAsync(IAuthorizationPolicyProvider provider, string? name) =>
        (name is null ? await provider.GetDefaultPolicyAsync() : await provider.GetPolicyAsync(name))
        ?? throw new InvalidOperationException($"There is no authorization policy named \"{name}\": define it with AddAuthorization.");

    private async ValueTask AuthorizeAsync(WsMessageContext context, WsMessageDelegate next)
    {
        ClaimsPrincipal user = context.Connection.User;
        AuthorizationPolicy policy = _policy ?? await FindAsync(_provider!, _name);
        AuthorizationResult result;

        // Handlers of requirements may be scoped services.
        await using (AsyncServiceScope services = _scopes.CreateAsyncScope())
        {
            result = await services.ServiceProvider.GetRequiredService<IAuthorizationService>().AuthorizeAsync(user, context, policy);
        }

        if (result.Succeeded)
        {
            _allowed?.AddOrUpdate(context.Connection, user);
            await next(context);
            return;
        }

        int code = user.Identities.Any(static identity => identity.IsAuthenticated) ? 403 : 401;
        LogUnauthorized(_logger, context.Connection.Id, context.Action, _name ?? "", code);
        await context.RefuseAsync(code, code == 401 ? "authentication is required" : "not authorized");
    }

    // At Debug, since a peer decides how often it happens.
    [LoggerMessage(EventId = 2113, EventName = "Unauthorized", Level = LogLevel.Debug, Message = "Connection {ConnectionId}: a message with action \"{Action}\" does not meet the policy \"{Policy}\", {Code}")]
    private static partial void LogUnauthorized(ILogger logger, string connectionId, string action, string policy, int code);
}
