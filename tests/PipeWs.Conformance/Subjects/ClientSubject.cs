using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using PipeWs.Client;
using PipeWs.Conformance.Deflate;
using PipeWs.Conformance.Matrix;

namespace PipeWs.Conformance.Subjects;

/// <summary>The client, which echoes what the peer, a server, sends.</summary>
internal sealed class ClientSubject : ISubject
{
    public string Name => "client";

    public bool IsServer => false;

    public async Task<CaseConnection> OpenAsync(Setup setup, string? extensions)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var echo = new Echo(((IPEndPoint)listener.LocalEndpoint).Port, setup);
        Task starting = echo.Client.StartAsync();
        var connection = new CaseConnection(await listener.AcceptSocketAsync(), isServerUnderTest: false, () => echo.Client.DisposeAsync().AsTask());
        string request = await connection.ReadHeadAsync();
        string key = Heads.Find(request, "Sec-WebSocket-Key")!;
        string extensionLine = extensions is null ? "" : $"Sec-WebSocket-Extensions: {extensions}\r\n";
        await connection.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {AcceptOf(key)}\r\n{extensionLine}\r\n"));
        connection.Agreement = extensions;
        try
        {
            await starting;
            connection.Compression = extensions is null ? null : new PeerCompression(extensions, isServerUnderTest: false);
        }
        catch (WsHandshakeException)
        {
            connection.Agreement = CaseRun.Refused;
        }

        return connection;
    }

    public ValueTask DisposeAsync() => default;

#pragma warning disable CA5350 // The handshake is defined with SHA-1 (RFC 6455, section 4.2.2); it guards nothing.
    private static string AcceptOf(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350

    private sealed class Echo : IMessageHandler
    {
        public Echo(int port, Setup setup)
        {
            var options = new WsClientOptions
            {
                Endpoints = { new Uri($"ws://127.0.0.1:{port}/") },
                MessageHandler = this,
                ShouldReconnect = static _ => false,
                PingInterval = Timeout.InfiniteTimeSpan,
                WriteTimeout = TimeSpan.FromMinutes(5),
                Compression = Setups.CompressionOf(setup),
                MaxMessageBytes = setup is Setup.Limited or Setup.DeflateLimited ? ConformanceCase.LimitBytes : ConformanceCase.OpenBytes,
            };
            Client = new WsClient(options);
        }

        public WsClient Client { get; }

        public ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken) =>
            Client.SendAsync(payload.IsSingleSegment ? payload.First : payload.ToArray(), type, CancellationToken.None);
    }
}
