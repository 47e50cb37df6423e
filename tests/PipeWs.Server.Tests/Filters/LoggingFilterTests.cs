using Microsoft.Extensions.Logging;
using PipeWs.Server.Tests.Support;

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
    public async Task Messages_are_logged_at_Debug_unless_said_otherwise()
    {
        await using HubServer server = await HubServer.JsonAsync(hasBystander: false, build: static builder => builder.UseLogging(static options => options.ConnectionLevel = LogLevel.Trace));
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"7","type":"ping"}""", """{"id":"7","type":"pong"}""");
        Assert.Empty(server.Server.Log.All);
    }
}
