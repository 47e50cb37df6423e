using System.Text.Json.Nodes;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Support;

/// <summary>The topic dialect for scripted servers: welcome, and what a well-behaved server answers.</summary>
internal static class TopicScript
{
    public const string Welcome = """{"id":"c1","type":"welcome","pingInterval":18000,"pingTimeout":10000}""";

    /// <summary>Accepts and welcomes.</summary>
    public static async Task WelcomeAsync(this ServerPeer peer, string welcome = Welcome)
    {
        await peer.AcceptAsync();
        await peer.SendTextAsync(welcome);
    }

    /// <summary>Serves the dialect: pongs, acks for what wants them, unless the script takes a message.</summary>
    public static Task<RawFrame?> ServeTopicsAsync(this ServerPeer peer, Func<JsonNode, Task<bool>>? onMessage = null) => peer.ServeAsync(async text =>
    {
        JsonNode message = JsonNode.Parse(text)!;
        if (onMessage is not null && await onMessage(message))
        {
            return;
        }

        if (message.Type() == "ping")
        {
            await peer.SendTextAsync($$"""{"id":"{{message.Id()}}","type":"pong"}""");
        }
        else if (message.Id() is { } id)
        {
            await peer.AckAsync(id);
        }
    });

    public static Task AckAsync(this ServerPeer peer, string id, string more = "") => peer.SendTextAsync($$"""{"id":"{{id}}","type":"ack"{{more}}}""");

    public static Task ErrorAsync(this ServerPeer peer, string id, int code, string text) =>
        peer.SendTextAsync($$"""{"id":"{{id}}","type":"error","code":{{code}},"data":"{{text}}"}""");

    /// <summary>The answer to a subscribe to a topic with a log.</summary>
    public static Task JoinedAsync(this ServerPeer peer, JsonNode subscribe, string epoch, long head, string more = "") =>
        peer.AckAsync(subscribe.Id()!, $$""","topic":"{{subscribe.Topic()}}","epoch":"{{epoch}}","sn":{{head}}{{more}}""");

    public static Task PublishAsync(this ServerPeer peer, string topic, long number, string data = "{}", string subject = "s") =>
        peer.SendTextAsync($$"""{"type":"message","topic":"{{topic}}","subject":"{{subject}}","sn":{{number}},"data":{{data}}}""");

    public static string Type(this JsonNode message) => (string?)message["type"] ?? "";

    public static string? Id(this JsonNode message) => (string?)message["id"];

    public static string? Topic(this JsonNode message) => (string?)message["topic"];

    /// <summary>The number a subscribe resumes after; -1 where it does not.</summary>
    public static long Since(this JsonNode message) => message["since"] is JsonObject since ? (long)since["sn"]! : -1;

    public static string? SinceEpoch(this JsonNode message) => message["since"] is JsonObject since ? (string?)since["epoch"] : null;

    public static WsTopicClient CreateTopicClient(this ScriptedServer server, Action<WsTopicClientOptions>? configure = null)
    {
        var options = new WsTopicClientOptions
        {
            Connection =
            {
                Endpoints = { server.Uri },
                TransportFactory = server.Transports,
                ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromMilliseconds(1)),
            },
            RejoinPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromMilliseconds(1)),
        };
        configure?.Invoke(options);
        return new WsTopicClient(options);
    }

    /// <summary>The next message of a subscription, as text: its number, or what is missing.</summary>
    public static async Task<string> NextAsync(this WsTopicSubscription subscription)
    {
        Assert.True(await subscription.WaitToReadAsync().Soon());
        Assert.True(subscription.TryRead(out WsTopicMessage message));
        using (message)
        {
            return message.Gap is { } gap ? $"gap {gap.From}-{gap.To} {gap.Reason}" : message.SequenceNumber is { } number ? $"{number}" : System.Text.Encoding.UTF8.GetString(message.Data.Span);
        }
    }

    public static async Task<string[]> NextAsync(this WsTopicSubscription subscription, int count)
    {
        var read = new List<string>();
        while (read.Count < count)
        {
            read.Add(await subscription.NextAsync());
        }

        return [.. read];
    }
}
