using System.Net;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's guides, compiled.</summary>
internal static partial class GuideExamples
{
    internal static void FastDoor(WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(8080, listen => listen.UsePipeWs("/ws")));
    }

    internal static void Inline(WebApplicationBuilder builder)
    {
        builder.WebHost.EnableInlineSockets();
        builder.WebHost.UseMemoryBlocks();
        builder.Services.AddPipeWs(options => options.LatencyMode = WsLatencyMode.LowLatency);
    }

    internal static void Loops(WebApplicationBuilder builder)
    {
        builder.WebHost.UsePipeWsTransport();
    }

    internal static void LoopsOfChosenEndpoints(WebApplicationBuilder builder)
    {
        builder.WebHost.UsePipeWsTransport(transport =>
        {
            transport.LoopCount = 2;
            transport.CanBind = endPoint => endPoint is IPEndPoint { Port: 8080 };
        });
    }

    internal static void HandlerDoor(WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(8081, listen => listen.UseConnectionHandler<PipeWsConnectionHandler>()));
    }

    internal static void MappedDoor(WebApplication app)
    {
        app.MapPipeWs("/ws").RequireAuthorization();
    }

    internal static void Scoped(IServiceCollection services)
    {
        services.AddPipeWs()
            .MapAction("order", Json.Default.Order, async (context, order) =>
            {
                await using var scope = context.Services.CreateAsyncScope();
                var orders = scope.ServiceProvider.GetRequiredService<OrderStore>();
                await orders.AddAsync(order);
            });
    }

    internal static void Raw(IServiceCollection services)
    {
        services.AddPipeWs("echo")
            .OnText(context => context.Connection.SendAsync(context.Payload, context.Type))
            .OnBinary(context => context.Connection.SendAsync(context.Payload, context.Type));
    }

    internal static void Parts(IServiceCollection services, Stream file)
    {
        services.AddPipeWs("upload")
            .OnBinaryParts(async context =>
            {
                foreach (var piece in context.Payload)
                {
                    await file.WriteAsync(piece, context.ConnectionClosed);
                }

                if (context.IsLastPart)
                {
                    await context.Connection.SendTextAsync("stored");
                }
            });
    }

    internal static async Task SendParts(IWsConnection connection, Stream file)
    {
        await using var message = connection.BeginMessage(WsMessageType.Binary);
        var buffer = new byte[32 * 1024];
        int read;
        while ((read = await file.ReadAsync(buffer)) > 0)
        {
            await message.WriteAsync(buffer.AsMemory(0, read));
        }

        await message.CompleteAsync();
    }

    internal static void Actions(IServiceCollection services)
    {
        services.AddPipeWs()
            .MapAction("order", Json.Default.Order, async (context, order) =>
            {
                if (order.Quantity <= 0)
                {
                    await context.ReplyErrorAsync(422, "quantity must be positive");
                    return;
                }

                await context.ReplyJsonAsync("order_accepted", order, Json.Default.Order);
            });
    }

    internal static void Rooms(IServiceCollection services)
    {
        services.AddPipeWs()
            .ConfigureRooms("/market/ticker:*", room =>
            {
                room.HistoryMessages = 1_000;
                room.SlowConsumerPolicy = WsSlowConsumerPolicy.Conflate;
            })
            .ConfigureRooms("orders:*", room => room.Subscribable = false);
    }

    internal static void Publish(IWsHub hub, Quote quote)
    {
        long sn = hub.Room("/market/ticker:BTC-USDT").PublishJson(quote, Json.Default.Quote, new WsPublishOptions(Subject: "ticker", Key: "BTC-USDT"));
        Console.WriteLine($"message {sn}");
    }

    internal static async Task Send(IWsHub hub, string connectionId, string userId, Order order)
    {
        await hub.Connection(connectionId).SendTextAsync("""{"type":"notice","data":"to one connection"}""");
        await hub.User(userId).SendJsonAsync(order, Json.Default.Order);
        await hub.Room("lobby").SendTextAsync("""{"type":"notice","data":"to a room"}""");
        await hub.Room("lobby").Except(connectionId).SendTextAsync("""{"type":"notice","data":"to the others"}""");
        await hub.All.SendAsync(WsPreparedMessage.Text("""{"type":"notice","data":"to all"}"""));
    }

    internal static async Task Connections(IWsHub hub, string id)
    {
        if (hub.TryGetConnection(id, out var connection))
        {
            connection.SetMetadata("plan", "gold");
            await connection.JoinAsync("gold members", WsSince.Last);
            var roundTrip = await connection.PingAsync();
            var ended = await connection.CloseAsync(1000, "thank you");
            Console.WriteLine($"{roundTrip} {ended.Code} {ended.Initiator} {ended.WasClean}");
        }
    }

    internal static void Batch(IWsHub hub, ReadOnlyMemory<byte> book, ReadOnlyMemory<byte> trades)
    {
        using (WsBatch.Begin())
        {
            hub.Room("/market/level2:BTC-USDT").Publish(book);
            hub.Room("/market/match:BTC-USDT").Publish(trades);
        }
    }

    internal static void Options(IServiceCollection services)
    {
        services.AddPipeWs(options =>
        {
            options.MaxMessageBytes = 256 * 1024;
            options.AllowedOrigins.Add("https://desk.example.com");
        });
    }

    internal sealed record Order(string Symbol, decimal Quantity);

    internal sealed class OrderStore
    {
        public Task AddAsync(Order order) => Task.FromResult(order);
    }

    internal sealed record Quote(decimal Bid, decimal Ask);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Order))]
    [JsonSerializable(typeof(Quote))]
    internal sealed partial class Json : JsonSerializerContext;
}
