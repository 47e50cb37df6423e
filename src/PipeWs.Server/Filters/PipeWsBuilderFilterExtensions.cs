using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Filters;
using PipeWs.Server.Routing;

namespace PipeWs.Server;

/// <summary>
/// The filters of a hub, around its messages and its connections, in the order they are added: the first is the outermost. What is not added costs nothing, and the ones
/// here allocate nothing while what they wrap completes synchronously.
/// </summary>
public static class PipeWsBuilderFilterExtensions
{
    /// <summary>Adds a filter around every message.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="filter">The filter; one object for all connections.</param>
    public static IPipeWsBuilder UseFilter(this IPipeWsBuilder builder, IWsMessageFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return builder.Add(_ => filter);
    }

    /// <summary>Adds a filter around every message, in a few lines.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="filter">Does what it has to, and calls the second argument with the first.</param>
    public static IPipeWsBuilder UseFilter(this IPipeWsBuilder builder, Func<WsMessageContext, WsMessageDelegate, ValueTask> filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return builder.Add(_ => new DelegateMessageFilter(filter));
    }

    /// <summary>Adds a filter around every message: a service of the application's, or an object made with them, once, when the hub starts.</summary>
    /// <typeparam name="T">The filter's type. It may ask for <see cref="IWsHub"/>.</typeparam>
    /// <param name="builder">The hub's builder.</param>
    public static IPipeWsBuilder UseFilter<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IPipeWsBuilder builder)
        where T : class, IWsMessageFilter =>
        builder.Add(static scope => scope.GetOrCreate<T>());

    /// <summary>Adds a filter around every connection.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="filter">The filter; one object for all connections.</param>
    public static IPipeWsBuilder UseConnectionFilter(this IPipeWsBuilder builder, IWsConnectionFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return builder.Add(_ => filter);
    }

    /// <summary>Adds a filter around every connection, in a few lines.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="filter">Does what it has to, and awaits the second argument with the first.</param>
    public static IPipeWsBuilder UseConnectionFilter(this IPipeWsBuilder builder, Func<IWsConnection, WsConnectionDelegate, Task> filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return builder.Add(_ => new DelegateConnectionFilter(filter));
    }

    /// <summary>Adds a filter around every connection: a service of the application's, or an object made with them, once, when the hub starts.</summary>
    /// <typeparam name="T">The filter's type. It may ask for <see cref="IWsHub"/>.</typeparam>
    /// <param name="builder">The hub's builder.</param>
    public static IPipeWsBuilder UseConnectionFilter<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IPipeWsBuilder builder)
        where T : class, IWsConnectionFilter =>
        builder.Add(static scope => scope.GetOrCreate<T>());

    /// <summary>
    /// Logs every message with its action, id, size and duration, and every connection when it opens and ends, under <c>PipeWs.Server.Filters</c>. Never payloads and never
    /// queries. Nothing is measured or put together while the level is not enabled.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="configure">Sets levels.</param>
    public static IPipeWsBuilder UseLogging(this IPipeWsBuilder builder, Action<WsLoggingOptions>? configure = null)
    {
        var options = new WsLoggingOptions();
        configure?.Invoke(options);
        return builder.Add(scope => new LoggingFilter(options, scope)).Add(scope => new ConnectionLoggingFilter(options, scope));
    }

    /// <summary>
    /// Turns exceptions of what it wraps into an error answer; they are logged, counted and told to <c>OnError</c>, and the connection lives. Put it first, so that it wraps
    /// the other filters too.
    /// </summary>
    /// <remarks>
    /// Without it a JSON message whose handler throws is answered with an error 500 all the same; an exception of a raw handler (<c>OnText</c>, <c>OnBinary</c> and their parts)
    /// ends the connection with 1011. With it such a message is dropped, with what is still to come of it, and answered with an error where the hub's text is JSON. How a
    /// handler gives up when its connection ends passes through.
    /// </remarks>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="configure">Sets which exceptions, and their answers.</param>
    public static IPipeWsBuilder UseRecovery(this IPipeWsBuilder builder, Action<WsRecoveryOptions>? configure = null)
    {
        var options = new WsRecoveryOptions();
        configure?.Invoke(options);
        return builder.Add(scope => new RecoveryFilter(options, scope));
    }

    /// <summary>Counts every message under a limit, <c>auth</c> messages and those before them too. A message in parts counts once.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="configure">Sets the limit; its name is <c>messages</c> unless it is set.</param>
    /// <exception cref="ArgumentException">The limit makes no sense.</exception>
    public static IPipeWsBuilder UseRateLimit(this IPipeWsBuilder builder, Action<WsRateLimitOptions> configure)
    {
        WsRateLimitOptions options = Read("messages", configure);
        return builder.Add(scope => scope.Own(new RateLimitFilter(options, scope)));
    }

    /// <summary>Defines a limit that routes count under by its name: <see cref="IWsRouteBuilder.RequireRateLimit(string)"/>. By itself it limits nothing.</summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="name">The limit's name; errors say it to the peer.</param>
    /// <param name="configure">Sets the limit.</param>
    /// <exception cref="ArgumentException">The limit makes no sense.</exception>
    public static IPipeWsBuilder AddRateLimit(this IPipeWsBuilder builder, string name, Action<WsRateLimitOptions> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        WsRateLimitOptions options = Read(name, configure);
        return builder.Register(registration => registration.RateLimits[name] = options);
    }

    /// <summary>Lets only messages through of users who meet the application's default policy: by default, who are authenticated. Others get an error 401 or 403.</summary>
    /// <param name="builder">The hub's builder.</param>
    public static IPipeWsBuilder UseAuthorization(this IPipeWsBuilder builder) => builder.Authorize(null, null);

    /// <summary>
    /// Lets only messages through of users who meet a policy, asked of <see cref="IAuthorizationService"/> for each message, with its <see cref="WsMessageContext"/> as the resource.
    /// Others get an error 401, where they are not authenticated, or 403.
    /// </summary>
    /// <remarks>The answer is asked for anew each time, which allocates; see <see cref="WsAuthorizationPolicyExtensions.CachePerConnection"/>.</remarks>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="policy">The policy's name. One that does not exist is found when the hub starts.</param>
    public static IPipeWsBuilder UseAuthorization(this IPipeWsBuilder builder, string policy)
    {
        ArgumentException.ThrowIfNullOrEmpty(policy);
        return builder.Authorize(policy, null);
    }

    /// <inheritdoc cref="UseAuthorization(IPipeWsBuilder, string)"/>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="policy">The policy.</param>
    public static IPipeWsBuilder UseAuthorization(this IPipeWsBuilder builder, AuthorizationPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return builder.Authorize(null, policy);
    }

    /// <summary>
    /// Measures messages, with the meter <c>PipeWs.Server</c>: the histogram <c>pipews.server.message.duration</c> in seconds, with the tags <c>pipews.hub</c>, <c>pipews.action</c>
    /// (a mapped action, or one of <c>_unknown</c>, <c>_text</c>, <c>_binary</c>) and, where it was answered with an error or threw, <c>error.type</c>.
    /// </summary>
    /// <remarks>Nothing is measured while nobody listens. A message in parts is measured part by part.</remarks>
    /// <param name="builder">The hub's builder.</param>
    public static IPipeWsBuilder UseMetrics(this IPipeWsBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddMetrics();
        return builder.Add(static scope => new MetricsFilter(scope));
    }

    private static WsRateLimitOptions Read(string name, Action<WsRateLimitOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var options = new WsRateLimitOptions { Name = name };
        configure(options);
        options.Validate();
        return options;
    }

    private static IPipeWsBuilder Authorize(this IPipeWsBuilder builder, string? name, AuthorizationPolicy? policy)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddAuthorization();
        return builder.Add(scope => AuthorizationFilter.Create(scope, name, policy));
    }

    private static IPipeWsBuilder Add(this IPipeWsBuilder builder, MessageFilterFactory filter) => builder.Register(registration => registration.MessageFilters.Add(filter));

    private static IPipeWsBuilder Add(this IPipeWsBuilder builder, ConnectionFilterFactory filter) => builder.Register(registration => registration.ConnectionFilters.Add(filter));

    private static IPipeWsBuilder Register(this IPipeWsBuilder builder, Action<HubRegistration> register)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure(builder.Name, register);
        return builder;
    }
}
