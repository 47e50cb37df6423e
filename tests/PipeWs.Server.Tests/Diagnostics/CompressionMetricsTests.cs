using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;
using RawFrame = PipeWs.Server.Tests.Support.RawFrame;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Diagnostics;

/// <summary>Compression among the metrics and the statistics, to the byte.</summary>
public sealed class CompressionMetricsTests
{
    private static readonly (string, object) s_in = ("network.io.direction", "receive");
    private static readonly (string, object) s_out = ("network.io.direction", "transmit");
    private static readonly byte[] s_hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Messages_and_what_they_save_are_measured(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, static options => options.Compression = new WsCompressionOptions { ThresholdBytes = 5 });
        using var meter = new MeterRecorder(server.Server.App.Services);
        RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: "Sec-WebSocket-Extensions: permessage-deflate"));

        await peer.SendFrameAsync(Opcode.Text, s_hello, rsv: 0x40);
        Assert.Equal(0, (await peer.ReadFrameAsync()).Rsv);
        Assert.Equal([1, 0, 7, 5, 0, 0, 1, 0], Read());

        // The bystander of the server compresses nothing.
        await Conditions.UntilAsync(() => meter.Read("pipews.server.connections") == 2, "both are there");
        Assert.Equal((1, 1), (meter.Read("pipews.server.compression.connections", ("pipews.hub", "")), meter.Read("pipews.server.compression.connection.opened", ("pipews.hub", ""))));

        string lines = string.Concat(Enumerable.Repeat("a line of text, and ", 50));
        await peer.SendTextAsync(lines);
        RawFrame answer = await peer.ReadFrameAsync();
        Assert.Equal(0x40, answer.Rsv);
        Assert.Equal([1, 1, 7, 5, answer.Payload.Length, lines.Length, 1, 0], Read());

        await peer.CloseAsync();
        await peer.DisposeAsync();
        await Conditions.UntilAsync(() => meter.Read("pipews.server.compression.connections") == 0, "the connection has ended");

        // What ended counts on.
        Assert.Equal(1, meter.Read("pipews.server.compression.connection.opened"));
        Assert.Equal([1, 1, 7, 5, answer.Payload.Length, lines.Length, 1, 0], Read());

        double[] Read() =>
        [
            meter.Read("pipews.server.compression.messages", s_in),
            meter.Read("pipews.server.compression.messages", s_out),
            meter.Read("pipews.server.compression.size.compressed", s_in),
            meter.Read("pipews.server.compression.size.plain", s_in),
            meter.Read("pipews.server.compression.size.compressed", s_out),
            meter.Read("pipews.server.compression.size.plain", s_out),
            meter.Read("pipews.server.compression.not_shorter"),
            meter.Read("pipews.server.compression.shared_deflates"),
        ];
    }

    [Fact]
    public async Task A_rooms_message_is_measured_for_each_member_and_its_deflate_once()
    {
        const int Members = 5;
        const int Messages = 4;
        using var hub = new TestHub(static options => options.Compression = new WsCompressionOptions());
        HubPeer[] peers = [.. Enumerable.Range(0, Members).Select(_ => new HubPeer(hub.Hub, compression: new DeflateParameters(15, 15, true, true))), new HubPeer(hub.Hub)];
        foreach (HubPeer peer in peers)
        {
            await peer.SendAsync("""{"id":"1","type":"subscribe","topic":"a"}""");
            await peer.UntilAsync(static texts => texts.Count >= 2, "the answer");
        }

        string data = $"\"{new string('x', 1_000)}\"";
        for (int i = 0; i < Messages; i++)
        {
            hub.Hub.Room("a").Publish(Encoding.UTF8.GetBytes(data));
        }

        foreach (HubPeer peer in peers)
        {
            await peer.UntilAsync(static texts => texts.Count >= 2 + Messages, "all messages");
        }

        long plain = peers[0].Texts.TakeLast(Messages).Sum(static text => text.Length);
        WsCompressionStatistics statistics = hub.Hub.GetStatistics().Compression;
        Assert.Equal((Members, Members, Messages), (statistics.Open, statistics.Opened, statistics.SharedDeflates));
        Assert.Equal((Members * Messages, Members * plain, 0), (statistics.MessagesSent, statistics.PlainBytesSent, statistics.MessagesNotShorter));
        Assert.InRange(statistics.CompressedBytesSent, 1, statistics.PlainBytesSent / 5);
        foreach (HubPeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        Assert.Equal(statistics with { Open = 0 }, hub.Hub.GetStatistics().Compression);
    }

    [Fact]
    public async Task Sums_never_go_back_and_lose_nothing_while_connections_come_and_go()
    {
        const int Rounds = 30;
        const int Peers = 4;
        using var hub = new TestHub(static options => options.Compression = new WsCompressionOptions());
        long plain = 0;
        HubCounters counters = hub.Hub.Counters;
        using var stop = new CancellationTokenSource();
        Task reader = Task.Run(() =>
        {
            HubCompression before = default;
            while (!stop.IsCancellationRequested)
            {
                HubCompression now = counters.Compression();
                Assert.InRange(now.Open, 0, Peers);
                Assert.True(now.Opened >= before.Opened, $"{now} after {before}");
                Assert.True(now.Traffic.MessagesDeflated >= before.Traffic.MessagesDeflated, $"{now} after {before}");
                Assert.True(now.Traffic.DeflatedFrom >= before.Traffic.DeflatedFrom, $"{now} after {before}");
                Assert.True(now.Traffic.DeflatedTo >= before.Traffic.DeflatedTo, $"{now} after {before}");
                Assert.True(now.Traffic.MessagesNotShorter >= before.Traffic.MessagesNotShorter, $"{now} after {before}");
                before = now;
            }
        });
        await Task.WhenAll(Enumerable.Range(0, Peers).Select(number => Task.Run(async () =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                bool compresses = i % 2 == 0;
                string room = $"{number}-{i}";
                await using var peer = new HubPeer(hub.Hub, compression: compresses ? new DeflateParameters(15, 15, true, true) : null);
                await peer.SendAsync($$"""{"id":"1","type":"subscribe","topic":"{{room}}"}""");
                await peer.UntilAsync(static texts => texts.Count == 2, "welcome and answer");
                hub.Hub.Room(room).Publish(Encoding.UTF8.GetBytes($"\"{new string('x', 500 + i)}\""));
                await peer.UntilAsync(static texts => texts.Count == 3, "the room's message");
                Interlocked.Add(ref plain, compresses ? peer.Texts[2].Length : 0);
            }
        })));
        await stop.CancelAsync();
        await reader.Soon();

        HubCompression sum = counters.Compression();
        const int All = Rounds * Peers / 2;
        Assert.Equal((0, All), (sum.Open, sum.Opened));
        Assert.Equal((All, plain, 0), (sum.Traffic.MessagesDeflated, sum.Traffic.DeflatedFrom, sum.Traffic.MessagesNotShorter));
        Assert.InRange(sum.Traffic.DeflatedTo, All, plain / 5);
    }

    [Fact]
    public async Task The_endpoint_says_what_compression_saves()
    {
        await using HubServer server = await HubServer.JsonAsync(
            configure: static options => options.Compression = new WsCompressionOptions(), app: static app => app.MapPipeWsStats(), hasBystander: false);
        using HttpClient http = server.Server.CreateHttpClient();
        Assert.Equal(
            """{"open":0,"opened":0,"messagesReceived":0,"messagesSent":0,"compressedBytesReceived":0,"plainBytesReceived":0,"compressedBytesSent":0,"plainBytesSent":0,"messagesNotShorter":0,"sharedDeflates":0}""",
            (await http.GetFromJsonAsync<JsonElement>("/ws/stats")).GetProperty("compression").GetRawText());

        await using RawPeer peer = await server.OpenAsync(RawPeer.Handshake(more: "Sec-WebSocket-Extensions: permessage-deflate"));
        byte[] noise = new byte[1_000];
        new Random(1).NextBytes(noise);
        await server.Hub.All.SendAsync(noise, WsMessageType.Binary);
        Assert.Equal(noise, (await peer.ReadFrameAsync()).Payload);
        await server.Hub.All.SendAsync(new byte[1_000], WsMessageType.Binary);
        RawFrame zeros = await peer.ReadFrameAsync();
        await peer.SendFrameAsync(Opcode.Text, s_hello, rsv: 0x40);
        await peer.ReadFrameAsync();
        Assert.Equal(
            $$"""{"open":1,"opened":1,"messagesReceived":1,"messagesSent":1,"compressedBytesReceived":7,"plainBytesReceived":5,"compressedBytesSent":{{zeros.Payload.Length}},"plainBytesSent":1000,"messagesNotShorter":1,"sharedDeflates":2}""",
            (await http.GetFromJsonAsync<JsonElement>("/ws/stats")).GetProperty("compression").GetRawText());
    }
}
