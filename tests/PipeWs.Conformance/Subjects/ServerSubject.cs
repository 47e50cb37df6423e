using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Conformance.Deflate;
using PipeWs.Conformance.Matrix;
using PipeWs.Server;

namespace PipeWs.Conformance.Subjects;

/// <summary>A hub that echoes, behind one of its doors.</summary>
internal sealed class ServerSubject : ISubject
{
    private readonly WebApplication _app;
    private readonly int _port;

    private ServerSubject(string door, WebApplication app)
    {
        Name = door;
        _app = app;
        _port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
    }

    public static IReadOnlyList<string> Doors { get; } = ["fast", "handler", "mapped"];

    public string Name { get; }

    public bool IsServer => true;

    public static async Task<ServerSubject> StartAsync(string door)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRouting();
        foreach (Setup setup in Enum.GetValues<Setup>())
        {
            builder.Services.AddPipeWs(setup.ToString(), options => Configure(options, setup))
                .OnText(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Text))
                .OnBinary(static context => context.Connection.SendAsync(context.Payload, WsMessageType.Binary));
        }

        builder.WebHost.UseKestrelCore().UseTestTransport().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (door == "fast")
            {
                foreach (Setup setup in Enum.GetValues<Setup>())
                {
                    listen.UsePipeWs(PathOf(setup), setup.ToString());
                }
            }
            else if (door == "handler")
            {
                listen.UseConnectionHandler<PipeWsConnectionHandler>();
            }
        }));
        WebApplication app = builder.Build();
        if (door == "mapped")
        {
            foreach (Setup setup in Enum.GetValues<Setup>())
            {
                app.MapPipeWs(PathOf(setup), setup.ToString());
            }
        }

        await app.StartAsync();
        return new ServerSubject(door, app);
    }

    public async Task<CaseConnection> OpenAsync(Setup setup, string? extensions)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _port);
        var connection = new CaseConnection(socket, isServerUnderTest: true);
        await connection.SendAsync(Encoding.ASCII.GetBytes(
            $"GET {PathOf(setup)} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{(extensions is null ? "" : $"Sec-WebSocket-Extensions: {extensions}\r\n")}\r\n"));
        string answer = await connection.ReadHeadAsync();
        if (!answer.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal))
        {
            throw new InvalidDataException(answer);
        }

        string? agreed = Heads.Find(answer, "Sec-WebSocket-Extensions");
        connection.Compression = agreed is null ? null : new PeerCompression(agreed, isServerUnderTest: true);
        connection.Agreement = agreed ?? (extensions is null ? null : "declined");
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static string PathOf(Setup setup) => "/" + setup;

    private static void Configure(PipeWsOptions options, Setup setup)
    {
        options.HandlerPaths.Add(PathOf(setup));
        options.Compression = Setups.CompressionOf(setup);
        if (setup is Setup.Limited or Setup.DeflateLimited)
        {
            options.MaxMessageBytes = ConformanceCase.LimitBytes;
            return;
        }

        // A machine that is busy with other tests must not look like a peer that does not read.
        options.MaxMessageBytes = ConformanceCase.OpenBytes;
        options.PingInterval = Timeout.InfiniteTimeSpan;
        options.SendTimeout = TimeSpan.FromMinutes(5);
    }
}
