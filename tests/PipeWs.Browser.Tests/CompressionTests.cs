using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using PipeWs.Server;

namespace PipeWs.Browser.Tests;

/// <summary>Compressed messages to and from a real browser, which offers permessage-deflate by itself.</summary>
public sealed class CompressionTests
{
    // Asks for an echo of every text, hears a room beside it, and gives what was agreed on and how much of it came back as it was.
    private const string Script = """
        url => new Promise((resolve, reject) => {
          const socket = new WebSocket(url);
          const text = i => i === 0 ? "" : Array.from({ length: i * 25 }, (_, k) => ["κόσμε", "one", "two", String(i * k % 97)][(i + k) % 4]).join(" ");
          let echoed = 0, heard = 0, agreed = "";
          const ask = () => echoed < 200 ? socket.send(JSON.stringify({ id: String(echoed), action: "echo", data: text(echoed) })) : socket.close(1000);
          socket.onmessage = ({ data }) => {
            const message = JSON.parse(data);
            if (message.type === "welcome") { agreed = socket.extensions; socket.send(JSON.stringify({ id: "s", type: "subscribe", topic: "news" })); }
            else if (message.type === "ack") ask();
            else if (message.type === "message") { if (message.data !== "news ".repeat(200) + message.sn) return reject("the room's message is another"); heard++; }
            else if (message.type === "echo") { if (message.data !== text(echoed)) return reject("echo " + echoed + " is another"); echoed++; ask(); }
            else reject(data);
          };
          socket.onclose = ({ code }) => resolve(`${agreed} | ${echoed} | ${heard} | ${code}`);
        })
        """;

    [Theory]
    [InlineData(true, "permessage-deflate")]
    [InlineData(false, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9")]
    public async Task A_page_hears_a_room_and_is_answered(bool takesOver, string agreed)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddPipeWs()
            .UseCompression(options =>
            {
                (options.ServerContextTakeover, options.ClientContextTakeover) = (takesOver, takesOver);
                (options.ServerMaxWindowBits, options.ClientMaxWindowBits) = takesOver ? (15, 15) : (10, 9);
            })
            .MapAction("echo", static async context =>
            {
                IWsRoom room = context.Hub.Room("news");
                room.Publish(Encoding.UTF8.GetBytes($"\"{string.Concat(Enumerable.Repeat("news ", 200))}{room.Head + 1}\""));
                await context.ReplyAsync("echo", context.Body);
            });
        await using WebApplication app = builder.Build();
        app.MapGet("/", static () => Results.Content("<!doctype html><title>compression</title>", "text/html"));
        app.MapPipeWs("/ws");
        await app.StartAsync();
        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await Chromium.LaunchAsync(playwright);
        IPage page = await browser.NewPageAsync();
        await page.GotoAsync(app.Urls.First());

        string seen = await page.EvaluateAsync<string>(Script, app.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + "/ws");

        string[] parts = seen.Split(" | ");
        Assert.Equal([agreed, "200", "1000"], [parts[0], parts[1], parts[3]]);
        Assert.InRange(int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture), 199, 200);
    }
}
