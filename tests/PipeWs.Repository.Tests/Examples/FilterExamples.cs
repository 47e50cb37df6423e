using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Server;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's guides to filters and hooks, compiled.</summary>
internal static class FilterExamples
{
    internal static void BuiltIn(IServiceCollection services)
    {
        services.AddPipeWs()
            .UseRecovery()
            .UseMetrics()
            .UseLogging()
            .UseRateLimit(limit =>
            {
                limit.TokenLimit = 50;
                limit.TokensPerPeriod = 20;
            })
            .UseAuthorization()
            .MapAction("quote", GetQuote)
            .MapAction("trade", Trade, route => route
                .RequireRateLimit(limit =>
                {
                    limit.Partition = WsRateLimitPartition.User;
                    limit.TokenLimit = 5;
                    limit.TokensPerPeriod = 1;
                })
                .RequireAuthorization("traders"));
    }

    internal static void Own(IServiceCollection services)
    {
        services.AddPipeWs()
            .UseFilter<AuditFilter>()
            .UseFilter(async (context, next) =>
            {
                if (context.Payload.Length > 4096 && context.Action != "upload")
                {
                    await context.RefuseAsync(413, "too large for this action");
                    return;
                }

                await next(context);
            })
            .UseConnectionFilter(async (connection, next) =>
            {
                connection.SetMetadata("since", DateTimeOffset.UtcNow);
                await next(connection);
            });
    }

    internal static void Recovery(IPipeWsBuilder builder)
    {
        builder.UseRecovery(recovery => recovery
            .Answer<KeyNotFoundException>(404, "there is no such order")
            .Answer<TimeoutException>(503, "the exchange does not answer"));
    }

    internal static void Limits(IPipeWsBuilder builder)
    {
        builder
            .AddRateLimit("orders", limit =>
            {
                limit.Partition = WsRateLimitPartition.User;
                limit.Exceeded = WsRateLimitExceeded.Wait;
                limit.LimiterFactory = user => new SlidingWindowRateLimiter(new SlidingWindowRateLimiterOptions
                {
                    PermitLimit = 100,
                    Window = TimeSpan.FromMinutes(1),
                    SegmentsPerWindow = 6,
                    QueueLimit = 10,
                    AutoReplenishment = false,
                });
            })
            .MapAction("buy", Trade, route => route.RequireRateLimit("orders"))
            .MapAction("sell", Trade, route => route.RequireRateLimit("orders"));
    }

    internal static void Cached(IPipeWsBuilder builder)
    {
        builder.UseAuthorization(new AuthorizationPolicyBuilder()
            .RequireClaim("scope", "market")
            .CachePerConnection()
            .Build());
    }

    internal static void Hooks(IServiceCollection services, ILogger logger, Presence presence)
    {
        services.AddPipeWs()
            .OnConnect(async connection => await presence.IsBannedAsync(connection.UserId)
                ? WsDecision.Refuse("you are banned")
                : WsDecision.Allow)
            .OnDisconnect((connection, info) => presence.GoneAsync(connection.UserId, info.Code))
            .OnMessage(context => context.Connection.GetMetadata("muted") is null
                ? WsDecision.Allow
                : WsDecision.Refuse("you are muted"))
            .OnJoinRoom((connection, room) => room.StartsWith("staff:", StringComparison.Ordinal) && !connection.User.IsInRole("staff")
                ? WsDecision.Refuse("staff only")
                : WsDecision.Allow)
            .OnLeaveRoom(left => presence.LeftAsync(left.Room, left.Connection.UserId))
            .OnError(error =>
            {
                logger.LogWarning(error.Exception, "{Source} failed", error.Source);
                return default;
            });
    }

    private static ValueTask GetQuote(WsMessageContext context) => default;

    private static ValueTask Trade(WsMessageContext context) => default;

    internal sealed class AuditFilter(AuditTrail trail) : IWsMessageFilter
    {
        public async ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next)
        {
            await next(context);
            if (context.Action == "trade")
            {
                await trail.AddAsync(context.Connection.UserId, context.ErrorCode);
            }
        }
    }

    internal abstract class AuditTrail
    {
        public abstract ValueTask AddAsync(string? user, int errorCode);
    }

    internal abstract class Presence
    {
        public abstract ValueTask<bool> IsBannedAsync(string? user);

        public abstract ValueTask GoneAsync(string? user, int code);

        public abstract ValueTask LeftAsync(string room, string? user);
    }
}
