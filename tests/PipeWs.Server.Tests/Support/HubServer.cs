using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Hubs;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Support;

/// <summary>
/// A real hub behind a door of a real server, and a connection that was opened before everything a test does and must not notice any of it.
/// </summary>
internal sealed class HubServer : IAsyncDisposable
{
    private readonly bool _speaksJson;
    private int _echoes;

    private HubServer(TestServer server, RawPeer? bystander, bool speaksJson)
    {
        Server = server;
        Bystander = bystander;
        _speaksJson = speaksJson;
        Hub = server.App.Services.GetRequiredKeyedService<Hub>("");
    }

    public TestServer Server { get; }

    public Hub Hub { get; }

    public RawPeer? Bystander { get; }

    /// <summary>Every door that a raw peer can come through.</summary>
    public static TheoryData<Door, bool> Doors => new()
    {
        { Door.Fast, false },
        { Door.Fast, true },
        { Door.Handler, false },
        { Door.Mapped, false },
        { Door.Mapped, true },
    };

    /// <summary>A hub that echoes text and binary as they come.</summary>
    public static Task<HubServer> EchoAsync(Door door, bool isSecure = false, Action<PipeWsOptions>? configure = null, TimeProvider? clock = null, int sendBufferBytes = 0) =>
        StartAsync(door, isSecure, configure, EchoText, clock, speaksJson: false, sendBufferBytes: sendBufferBytes);

    /// <summary>A hub that speaks JSON: the built-in messages, an action <c>echo</c> that answers with its body, and what <paramref name="build"/> adds.</summary>
    public static Task<HubServer> JsonAsync(
        Door door = Door.Fast,
        bool isSecure = false,
        Action<PipeWsOptions>? configure = null,
        Action<IPipeWsBuilder>? build = null,
        TimeProvider? clock = null,
        int sendBufferBytes = 0,
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? app = null,
        bool hasBystander = true) =>
        StartAsync(
            door,
            isSecure,
            configure,
            builder =>
            {
                builder.MapAction("echo", static context => context.ReplyAsync("echo", context.Body));
                build?.Invoke(builder);
            },
            clock,
            speaksJson: true,
            sendBufferBytes,
            services,
            app,
            hasBystander);

    /// <summary>Starts a server with a hub.</summary>
    public static async Task<HubServer> StartAsync(
        Door door,
        bool isSecure,
        Action<PipeWsOptions>? configure,
        Action<IPipeWsBuilder> build,
        TimeProvider? clock = null,
        bool speaksJson = true,
        int sendBufferBytes = 0,
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? app = null,
        bool hasBystander = true)
    {
        Socket BindSmall(EndPoint endpoint)
        {
            Socket socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.SendBufferSize = sendBufferBytes;
            return socket;
        }

        TestServer server = await TestServer.StartAsync(
            door,
            isSecure,
            all =>
            {
                if (clock is not null)
                {
                    all.AddSingleton(clock);
                }

                if (sendBufferBytes > 0)
                {
                    // What is accepted inherits it, on either transport.
                    all.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = BindSmall);
                    all.Configure<PipeWsTransportOptions>(options => options.CreateBoundListenSocket = BindSmall);
                }

                services?.Invoke(all);
                build(all.AddPipeWs(configure));
            },
            app: app);
        RawPeer? bystander = null;
        try
        {
            if (hasBystander)
            {
                bystander = await server.ConnectAsync();
                await bystander.UpgradeAsync();
                if (speaksJson)
                {
                    Assert.Contains("\"type\":\"welcome\"", await bystander.ReadTextAsync(), StringComparison.Ordinal);
                }
            }

            var started = new HubServer(server, bystander, speaksJson);
            await started.AssertConnectionsAsync(hasBystander ? 1 : 0);
            return started;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>An open WebSocket, past the welcome where there is one.</summary>
    public async Task<RawPeer> OpenAsync(string? handshake = null, int receiveBufferBytes = 0)
    {
        RawPeer peer = await RawPeer.ConnectAsync(Server.Port, Server.IsSecure, receiveBufferBytes);
        await peer.UpgradeAsync(handshake);
        if (_speaksJson)
        {
            Assert.Contains("\"type\":\"welcome\"", await peer.ReadTextAsync(), StringComparison.Ordinal);
        }

        return peer;
    }

    /// <summary>The same, and what the hub has of it.</summary>
    public async Task<(RawPeer Peer, HubConnection Connection)> OpenWithConnectionAsync(string? handshake = null, int receiveBufferBytes = 0)
    {
        string[] before = [.. Hub.Connections.Select(connection => connection.Id)];
        RawPeer peer = await OpenAsync(handshake, receiveBufferBytes);

        // Where there is no welcome the answer to the handshake comes first. Of those before, one that has ended may leave the list meanwhile.
        IWsConnection? opened = null;
        await Conditions.UntilAsync(() => (opened = Hub.Connections.FirstOrDefault(connection => !before.Contains(connection.Id))) is not null, "the connection is listed");
        return (peer, (HubConnection)opened!);
    }

    /// <summary>The bystander still gets its answer, the hub has its connection and no other, and nobody logged more than one line for each of the others.</summary>
    public async Task AssertUndisturbedAsync(int maxLines = 1)
    {
        Assert.NotNull(Bystander);
        string text = $"undisturbed {++_echoes}";
        await Bystander.AskAsync(
            _speaksJson ? $$"""{"id":"b","action":"echo","data":"{{text}}"}""" : text,
            _speaksJson ? $$"""{"id":"b","type":"echo","data":"{{text}}"}""" : text);
        await AssertConnectionsAsync(1);
        IReadOnlyList<LogLines.Line> lines = Server.Log.All;
        Assert.True(lines.Count <= maxLines, $"{lines.Count} lines were logged: {string.Join(" | ", lines)}");
    }

    /// <summary>Nothing came to the bystander before the answer to its own question.</summary>
    public Task AssertDoesNotHearAsync() => Bystander!.AskAsync("""{"type":"ping"}""", """{"type":"pong"}""");

    /// <summary>Waits until the hub has this many connections, and no trace of others.</summary>
    public async Task AssertConnectionsAsync(int count)
    {
        await Conditions.UntilAsync(() => Hub.ConnectionCount == count, $"the hub has {count} connections");
        await Conditions.UntilAsync(() => Hub.ReservedPlaces == count, $"{count} places are taken");
    }

    public async ValueTask DisposeAsync()
    {
        if (Bystander is not null)
        {
            await Bystander.DisposeAsync();
        }

        await Server.DisposeAsync();
    }

    private static void EchoText(IPipeWsBuilder builder) => builder
        .OnText(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Text))
        .OnBinary(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Binary));
}
