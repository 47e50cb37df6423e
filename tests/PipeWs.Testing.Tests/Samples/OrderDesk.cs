using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Testing.Tests.Samples;

/// <summary>What an application might be: orders come in over a hub, are filled by a market, and expire where nobody fills them.</summary>
public sealed class OrderDesk(IWsHub hub, TimeProvider time)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, OpenOrder> _open = new();
    private int _lastId;

    public int OpenOrders => _open.Count;

    /// <summary>The application's own registration: the same in production and in the tests.</summary>
    public static void Register(IServiceCollection services)
    {
        services.AddSingleton<OrderDesk>();
        services.AddPipeWs(options => options.AllowedOrigins.Add("https://desk.example.com"))
            .MapAction("place_order", OrderJson.Default.Order, static (context, order) => context.Services.GetRequiredService<OrderDesk>().PlaceAsync(context, order))
            .ConfigureRooms("fills", static room => room.HistoryMessages = 100);
    }

    public async ValueTask PlaceAsync(WsMessageContext context, Order order)
    {
        if (context.Connection.UserId is not { } user)
        {
            await context.ReplyErrorAsync(401, "log in first");
            return;
        }

        if (order.Quantity <= 0)
        {
            await context.ReplyErrorAsync(422, "quantity must be positive");
            return;
        }

        string id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        var open = new OpenOrder(id, user, order);
        _open[id] = open;
        open.Expiry = time.CreateTimer(_ => Expire(open), null, Lifetime, Timeout.InfiniteTimeSpan);
        await context.ReplyJsonAsync("order_placed", new Placed(id), OrderJson.Default.Placed);
    }

    public async Task FillAsync(string id, decimal price)
    {
        if (!_open.TryRemove(id, out OpenOrder? order))
        {
            return;
        }

        await order.Expiry!.DisposeAsync();
        var fill = new Fill(id, order.Order.Symbol, order.Order.Quantity, price);
        hub.Room("fills").PublishJson(fill, OrderJson.Default.Fill);
        await hub.User(order.User).SendJsonAsync(new FillNotice("order_filled", fill), OrderJson.Default.FillNotice);
    }

    private void Expire(OpenOrder order)
    {
        if (_open.TryRemove(order.Id, out _))
        {
            // A send to a user never waits.
            _ = hub.User(order.User).SendJsonAsync(new ExpiryNotice("order_expired", new Placed(order.Id)), OrderJson.Default.ExpiryNotice).AsTask();
        }
    }

    private sealed record OpenOrder(string Id, string User, Order Order)
    {
        public ITimer? Expiry { get; set; }
    }
}

public sealed record Order(string Symbol, decimal Quantity);

public sealed record Placed(string Id);

public sealed record Fill(string Id, string Symbol, decimal Quantity, decimal Price);

public sealed record FillNotice(string Type, Fill Data);

public sealed record ExpiryNotice(string Type, Placed Data);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Placed))]
[JsonSerializable(typeof(Fill))]
[JsonSerializable(typeof(FillNotice))]
[JsonSerializable(typeof(ExpiryNotice))]
internal sealed partial class OrderJson : JsonSerializerContext;
