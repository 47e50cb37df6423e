using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Client;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's examples of consuming a feed. They are compiled; the exchanges are not called.</summary>
internal static partial class FeedExamples
{
    internal static async Task OwnHubAsync(CancellationToken stop)
    {
        await using var client = new WsTopicClient(new Uri("ws://127.0.0.1:8080/ws"));
        await client.StartAsync(stop);

        await using WsTopicSubscription trades = await client.SubscribeAsync("trades", new WsSubscribeOptions { Since = WsTopicSince.Last }, stop);
        await foreach (WsTopicMessage message in trades.ReadAllAsync(stop))
        {
            using (message)
            {
                if (message.Gap is { } gap)
                {
                    Console.WriteLine($"{gap.Topic}: {gap.Count} messages are missing, {gap.Reason}");
                    continue;
                }

                Trade? trade = message.GetData(FeedJson.Default.Trade);
                Console.WriteLine($"{message.SequenceNumber}: {trade?.Price} x {trade?.Size}");
            }
        }
    }

    internal static async Task RequestAsync(WsTopicClient client)
    {
        try
        {
            using WsTopicMessage answer = await client.WriteAsync(WsTopicRequest.Create("place_order", null, new Order("BTC-USDT", 1.5m), FeedJson.Default.Order));
            Console.WriteLine(answer.GetData(FeedJson.Default.OrderPlaced)?.OrderId);
        }
        catch (WsTopicException e) when (e.Failure == WsTopicFailure.Refused)
        {
            Console.WriteLine($"the server says {e.Code}: {e.Message}");
        }
        catch (WsTopicException e) when (e.Failure == WsTopicFailure.TooManyPending)
        {
            Console.WriteLine("it was not sent: too many requests wait for their answers");
        }
        catch (WsTopicException e)
        {
            Console.WriteLine($"whether it was done is not known: {e.Failure}");
        }
        catch (WsSendException)
        {
            Console.WriteLine("it was not sent");
        }
    }

    internal static async Task KuCoinAsync(HttpClient http, CancellationToken stop)
    {
        await using WsTopicClient client = new WsTopicClientBuilder()
            .WithName("kucoin")
            .WithTokenProvider(new KuCoinTokens(http), WsTokenPlacement.Query)
            .WithConnection(connection => connection.ReconnectPolicy = WsReconnectPolicy.FixedInterval())
            .OnEvent(WsClientEventKinds.Reconnected, e => Console.WriteLine(e))
            .Build();
        await client.StartAsync(stop);

        // One request, one stream, two topics.
        await using WsTopicSubscription tickers = await client.SubscribeAsync(
            "/market/ticker:BTC-USDT,ETH-USDT", new WsSubscribeOptions { Overflow = WsTopicOverflow.Conflate }, stop);
        await foreach (WsTopicMessage message in tickers.ReadAllAsync(stop))
        {
            using (message)
            {
                Console.WriteLine($"{message.Topic}: {message.GetData(FeedJson.Default.Ticker)?.Price}");
            }
        }
    }

    internal static async Task BinanceAsync(CancellationToken stop)
    {
        // Another dialect: the resilient client below the topics, and a subscribe of one's own on each connection.
        var options = new WsClientOptions
        {
            Endpoints = { new Uri("wss://stream.binance.com:9443/ws") },
            ReadyHandlers = { new BinanceSubscribe("btcusdt@trade", "ethusdt@trade") },
        };
        await using var client = new WsClient(options);
        await client.StartAsync(stop);
        await foreach (WsClientMessage message in client.ReadAllAsync(stop))
        {
            using (message)
            {
                BinanceTrade? trade = message.GetJson(FeedJson.Default.BinanceTrade);
                Console.WriteLine($"{trade?.Symbol} {trade?.Price}");
            }
        }
    }

    internal static void Services(IServiceCollection services)
    {
        services.AddPipeWsTopicClient("feed", options => options.Connection.Endpoints.Add(new Uri("wss://example.com/ws")), startWithHost: true);
    }

    internal sealed class KuCoinTokens(HttpClient http) : IAsyncTokenProvider
    {
        public async ValueTask<IReadOnlyList<WsToken>> GetTokensAsync(WsTokenContext context, CancellationToken cancellationToken)
        {
            using HttpResponseMessage response = await http.PostAsync(new Uri("https://api.kucoin.com/api/v1/bullet-public"), null, cancellationToken);
            response.EnsureSuccessStatusCode();
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
            Bullet bullet = (await JsonSerializer.DeserializeAsync(body, FeedJson.Default.Bullet, cancellationToken))!;
            return [.. bullet.Data.InstanceServers.Select(server => new WsToken(bullet.Data.Token, new Uri(server.Endpoint))
            {
                PingInterval = TimeSpan.FromMilliseconds(server.PingInterval),
                PingTimeout = TimeSpan.FromMilliseconds(server.PingTimeout),
                Protocol = server.Protocol,
                Encrypt = server.Encrypt,
            })];
        }

        public ValueTask DisposeAsync() => default;
    }

    internal sealed class BinanceSubscribe(params string[] streams) : IConnectionReadyHandler
    {
        public async ValueTask OnConnectionReadyAsync(WsClientConnection connection, CancellationToken cancellationToken)
        {
            await connection.SendJsonAsync(new BinanceRequest("SUBSCRIBE", streams, 1), FeedJson.Default.BinanceRequest, cancellationToken);
            using WsClientMessage answer = await connection.ReceiveAsync(cancellationToken);
            if (!answer.GetText().Contains("\"result\":null", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"The subscribe was refused: {answer.GetText()}");
            }
        }
    }

    internal sealed record Trade(decimal Price, decimal Size);

    internal sealed record Order(string Symbol, decimal Size);

    internal sealed record OrderPlaced(string OrderId);

    internal sealed record Ticker(string Price, string Size);

    internal sealed record Bullet(BulletData Data);

    internal sealed record BulletData(string Token, IReadOnlyList<InstanceServer> InstanceServers);

    internal sealed record InstanceServer(string Endpoint, string Protocol, bool Encrypt, int PingInterval, int PingTimeout);

    internal sealed record BinanceRequest(string Method, IReadOnlyList<string> Params, int Id);

    internal sealed record BinanceTrade([property: JsonPropertyName("s")] string Symbol, [property: JsonPropertyName("p")] string Price);

    [JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
    [JsonSerializable(typeof(Trade))]
    [JsonSerializable(typeof(Order))]
    [JsonSerializable(typeof(OrderPlaced))]
    [JsonSerializable(typeof(Ticker))]
    [JsonSerializable(typeof(Bullet))]
    [JsonSerializable(typeof(BinanceRequest))]
    [JsonSerializable(typeof(BinanceTrade))]
    private sealed partial class FeedJson : JsonSerializerContext;
}
