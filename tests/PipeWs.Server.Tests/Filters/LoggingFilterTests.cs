using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Filters;

public sealed class LoggingFilterTests
{
    [Fact]
    public async Task Messages_and_connections_are_logged_with_ids_sizes_and_times_and_never_payloads_or_queries()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: static builder => builder
            .UseLogging(static options => options.MessageLevel = LogLevel.Information)
            .MapAction("fail", static _ => throw new InvalidOperationException("secret")));
        await using (RawPeer peer = await server.OpenAsync(RawPeer.Handshake("GET /ws?token=secret HTTP/1.1")))
        {
            await peer.AskAsync("""{"id":"7","action":"echo","data":"secret"}""", """{"id":"7","type":"echo","data":"secret"}""");
            await peer.AskAsync("""{"id":"a\nb","action":"secret"}""", """{"id":"a\nb","type":"error","code":404,"data":"unknown action \"secret\""}""");
            await peer.AskAsync("""{"id":"9","action":"fail"}""", """{"id":"9","type":"error","code":500,"data":"internal error"}""");
            await peer.CloseAsync();
        }

        await server.AssertConnectionsAsync(0);
        LogLines.Line[] lines = [.. server.Server.Log.All.Where(static line => line.Category == "PipeWs.Server.Filters")];
        Assert.Equal([2122, 2120, 2120, 2121, 2123], lines.Select(static line => line.Id.Id));
        Assert.All(lines, static line => Assert.DoesNotContain("secret", line.Text, StringComparison.Ordinal));
        Assert.All(lines, static line => Assert.Null(line.Exception));
        Assert.Contains("opened at /ws,", lines[0].Text, StringComparison.Ordinal);
        Assert.Contains("\"echo\" 7, Text of 42 bytes, took ", lines[1].Text, StringComparison.Ordinal);
        Assert.Contains("\"\" a?b, ", lines[2].Text, StringComparison.Ordinal);
        Assert.EndsWith("error 404", lines[2].Text, StringComparison.Ordinal);
        Assert.EndsWith("with InvalidOperationException", lines[3].Text, StringComparison.Ordinal);
        Assert.Contains("ended with 1000, begun by Remote, clean: True", lines[4].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_peer_chose_gets_no_line_of_its_own_in_a_log()
    {
        var lines = new EveryLine();
        await using HubServer server = await HubServer.JsonAsync(Door.Mapped, hasBystander: false, build: static builder => builder.UseLogging(), services: lines.AddTo, app: static app =>
            app.MapPipeWs("/rooms/{room}"));
        await using (RawPeer refused = await server.Server.ConnectAsync())
        {
            await refused.SendAsync(RawPeer.Handshake("GET /rooms/a%0Aforged HTTP/1.1", more: "Origin: https://elsewhere.example"));
            Assert.Equal(403, (await refused.ReadAnswerAsync()).StatusCode);
        }

        await using (RawPeer peer = await server.OpenAsync(RawPeer.Handshake("GET /rooms/b%0Aforged HTTP/1.1")))
        {
            await peer.SendTextAsync("""{"action":"c\nforged"}""");
            Assert.Contains("c\\nforged", await peer.ReadTextAsync(), StringComparison.Ordinal);
            await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8, .. "d\nforged"u8]);
            await server.AssertConnectionsAsync(0);
        }

        await Conditions.UntilAsync(() => lines.All.Any(static line => line.Contains("2001:", StringComparison.Ordinal)), "the end is logged");
        string[] ours = [.. lines.All.Where(static line => line.StartsWith("PipeWs", StringComparison.Ordinal))];
        Assert.All("abcd", letter => Assert.Contains(ours, line => line.Contains($"{letter}?forged", StringComparison.Ordinal)));
        Assert.All(ours, static line => Assert.DoesNotContain("\nforged", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Messages_are_logged_at_Debug_unless_said_otherwise()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: static builder => builder.UseLogging(static options => options.ConnectionLevel = LogLevel.Trace));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"7","type":"ping"}""", """{"id":"7","type":"pong"}""");
        Assert.Empty(server.Server.Log.All);
    }
}
