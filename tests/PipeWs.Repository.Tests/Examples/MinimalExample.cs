using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's minimal server and client, run as they stand.</summary>
public sealed class MinimalExample
{
    [Fact]
    public async Task The_minimal_server_and_client_talk()
    {
        await using WebApplication app = Server([]);
        await app.StartAsync(TestContext.Current.CancellationToken);
        string url = app.Urls.First().Replace("http://", "ws://", StringComparison.Ordinal);
        string[] seen = await Client(url + "/ws").WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Contains("\"type\":\"welcome\"", seen[0], StringComparison.Ordinal);
        Assert.Contains("\"type\":\"ack\"", seen[1], StringComparison.Ordinal);
        Assert.EndsWith("\"data\":{\"text\":\"hello\"}}", seen[2], StringComparison.Ordinal);
    }

    internal static void Program(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddPipeWs()
            .MapAction("say", context =>
            {
                context.Hub.Room("lobby").Publish(context.Body);
                return default;
            });

        var app = builder.Build();
        app.MapPipeWs("/ws");
        app.Run("http://127.0.0.1:8080");
    }

    private static WebApplication Server(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddPipeWs()
            .MapAction("say", context =>
            {
                context.Hub.Room("lobby").Publish(context.Body);
                return default;
            });

        var app = builder.Build();
        app.MapPipeWs("/ws");
        app.Urls.Add("http://127.0.0.1:0");
        return app;
    }

    private static async Task<string[]> Client(string url)
    {
        var seen = new List<string>();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri(url), default);
        seen.Add(await Receive(socket));
        await Send(socket, """{"id":"1","type":"subscribe","topic":"lobby"}""");
        seen.Add(await Receive(socket));
        await Send(socket, """{"action":"say","data":{"text":"hello"}}""");
        seen.Add(await Receive(socket));

        static Task Send(ClientWebSocket socket, string json) =>
            socket.SendAsync(Encoding.UTF8.GetBytes(json), WebSocketMessageType.Text, endOfMessage: true, default);

        static async Task<string> Receive(ClientWebSocket socket)
        {
            var buffer = new byte[64 * 1024];
            var received = await socket.ReceiveAsync(buffer, default);
            return Encoding.UTF8.GetString(buffer, 0, received.Count);
        }

        return [.. seen];
    }
}
