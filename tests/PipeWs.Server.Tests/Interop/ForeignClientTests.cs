using System.Text;
using System.Text.Json;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Interop;

/// <summary>Clients that are not ours: they subscribe, get a room's messages in order, ask and are answered, and close cleanly.</summary>
public sealed class ForeignClientTests
{
    private const int Messages = 1000;
    private const string Topic = "/market/ticker:BTC-USDT";

    /// <summary>Node's own WebSocket, and one in plain JavaScript, which also stands in where node has none yet.</summary>
    [Theory]
    [InlineData(Door.Fast, false)]
    [InlineData(Door.Fast, true)]
    [InlineData(Door.Handler, false)]
    [InlineData(Door.Handler, true)]
    [InlineData(Door.Mapped, false)]
    [InlineData(Door.Mapped, true)]
    public Task Node_subscribes_and_closes(Door door, bool isPlain) =>
        ServesAsync(door, server => ForeignProgram.RunNodeAsync($"ws://127.0.0.1:{server.Port}/ws", Topic, Messages, isPlain));

    [Theory]
    [InlineData(Door.Fast)]
    [InlineData(Door.Handler)]
    [InlineData(Door.Mapped)]
    public Task Python_subscribes_and_closes(Door door) => ServesAsync(
        door, server => ForeignProgram.RunPythonAsync(new Uri($"ws://127.0.0.1:{server.Port}/ws"), Topic, Messages));

    private static async Task ServesAsync(Door door, Func<TestServer, Task<string[]>> run)
    {
        await using HubServer server = await HubServer.JsonAsync(door);
        IWsRoom room = server.Hub.Room(Topic);
        var expected = new List<string>();
        Task<string[]> running = run(server.Server);
        Task publishing = Task.Run(async () =>
        {
            await Conditions.UntilAsync(() => room.MemberCount == 1 || running.IsCompleted, "it subscribes");
            for (int i = 1; i <= Messages; i++)
            {
                room.Publish(Encoding.ASCII.GetBytes($$"""{"price":{{i}}}"""), new WsPublishOptions(Subject: "ticker"));
                expected.Add($$$"""{"type":"message","topic":"{{{Topic}}}","subject":"ticker","sn":{{{i}}},"data":{"price":{{{i}}}}}""");
            }
        });

        string[] lines = await running;
        await publishing;

        Assert.Equal(Messages + 4, lines.Length);
        Assert.Contains("\"type\":\"welcome\"", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($$"""{"id":"1","type":"ack","topic":"{{Topic}}","epoch":""", lines[1], StringComparison.Ordinal);
        Assert.Equal(expected, lines[2..^2]);
        using JsonDocument echo = JsonDocument.Parse(lines[^2]);
        Assert.Equal("κόσμε 😀", echo.RootElement.GetProperty("data")[0].GetString());
        Assert.Equal(70_000, echo.RootElement.GetProperty("data")[1].GetString()!.Length);
        Assert.Equal("closed 1000 true", lines[^1].ToLowerInvariant());
        await server.AssertUndisturbedAsync(0);
    }
}
