using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using PipeWs.Client.Dialing;
using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Dialing;

public sealed class WsDialerTests
{
    [Fact]
    public async Task The_request_carries_the_query_the_headers_the_host_and_the_subprotocols()
    {
        ServerPeer? seen = null;
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            seen = peer;
            await peer.ReadRequestAsync();
            await peer.WriteAsync(peer.Answer("Sec-WebSocket-Protocol: v2\r\n"));
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.Endpoints[0] = new Uri(server.Uri + "?a=1");
            o.Query["b c"] = "d&e";
            o.Headers["X-Api-Key"] = "key";
            o.Origin = "https://example.com";
            o.Subprotocols.Add("v1");
            o.Subprotocols.Add("v2");
        });
        await client.StartAsync().Soon();

        Assert.Equal("/ws?a=1&b%20c=d%26e", seen!.Target);
        Assert.Equal("key", seen.Header("X-Api-Key"));
        Assert.Equal("https://example.com", seen.Header("Origin"));
        Assert.Equal("v1, v2", seen.Header("Sec-WebSocket-Protocol"));
        Assert.Equal($"127.0.0.1:{server.Uri.Port}", seen.Header("Host"));
        Assert.Equal("v2", client.Connection!.Subprotocol);
        Assert.Equal($"ws://127.0.0.1:{server.Uri.Port}/ws", client.Connection.Endpoint);
        Assert.Equal($"127.0.0.1:{server.Uri.Port}", client.Connection.RemoteEndPoint);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_fails_the_dial_after_its_time()
    {
        var clock = new ManualTimeProvider();
        var asked = new TaskCompletionSource();
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.ReadRequestAsync();
            asked.SetResult();
            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o => o.TimeProvider = clock);
        Task starting = client.StartAsync();
        await asked.Task.Soon();
        clock.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(starting.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(0.2));

        var error = await Assert.ThrowsAsync<WsDialException>(() => starting.Soon());
        Assert.Contains("within 10 s; the handshake was under way", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_transport_that_never_connects_fails_the_dial_after_its_time_and_is_dropped_when_it_does()
    {
        var clock = new ManualTimeProvider();
        var transports = new LateTransports();
        await using var client = new WsClient(new WsClientOptions { Endpoints = { new Uri("ws://late.test") }, TimeProvider = clock, TransportFactory = transports });
        Task starting = client.StartAsync();
        await transports.Asked.Task.Soon();
        clock.Advance(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<WsDialException>(() => starting.Soon());

        var stream = new ClosableStream();
        transports.Connected.SetResult(new WsTransport(stream));
        await Conditions.UntilAsync(() => stream.IsClosed, "the late transport is closed");
    }

    [Fact]
    public async Task Nobody_listening_is_said()
    {
        int port;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        await using var client = new WsClient(new Uri($"ws://127.0.0.1:{port}/"));
        var error = await Assert.ThrowsAsync<WsDialException>(() => client.StartAsync().Soon());

        Assert.Contains($"No connection to 127.0.0.1:{port}", error.Message, StringComparison.Ordinal);
        Assert.IsType<SocketException>(error.InnerException);
    }

    [Fact]
    public void Every_TLS_option_of_the_applications_is_heeded()
    {
        using var key = RSA.Create(2048);
        using X509Certificate2 certificate = new CertificateRequest("CN=client", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        var given = new SslClientAuthenticationOptions
        {
            ApplicationProtocols = [new SslApplicationProtocol("x")],
            CertificateChainPolicy = new X509ChainPolicy(),
            CertificateRevocationCheckMode = X509RevocationMode.Online,
            CipherSuitesPolicy = OperatingSystem.IsLinux() ? new CipherSuitesPolicy([TlsCipherSuite.TLS_AES_128_GCM_SHA256]) : null,
            ClientCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
            ClientCertificates = [certificate],
            EnabledSslProtocols = SslProtocols.Tls13,
#pragma warning disable SYSLIB0040 // It is looked at, not used.
            EncryptionPolicy = EncryptionPolicy.AllowNoEncryption,
#pragma warning restore SYSLIB0040
            LocalCertificateSelectionCallback = static (_, _, _, _, _) => null!,
            RemoteCertificateValidationCallback = static (_, _, _, _) => false,
            TargetHost = "other.test",
        };
        PropertyInfo[] options = [.. typeof(SslClientAuthenticationOptions).GetProperties().Where(static option => option.CanWrite)];
        var defaults = new SslClientAuthenticationOptions();
        foreach (PropertyInfo option in options.Where(option => option.PropertyType == typeof(bool) && IsUsable(option)))
        {
            option.SetValue(given, !(bool)option.GetValue(defaults)!);
        }

        SslClientAuthenticationOptions used = WsDialer.CreateTlsOptions(given, "host.test");

        Assert.All(options.Where(IsUsable), option =>
        {
            Assert.NotEqual(option.GetValue(defaults), option.GetValue(given));
            Assert.Equal(option.GetValue(given), option.GetValue(used));
        });

        static bool IsUsable(PropertyInfo option) =>
            OperatingSystem.IsLinux() || option.Name is not (nameof(given.CipherSuitesPolicy) or nameof(given.AllowRsaPkcs1Padding) or nameof(given.AllowRsaPssPadding));
    }

    [Fact]
    public async Task A_proxy_is_asked_for_a_tunnel_with_its_credentials()
    {
        await using ScriptedServer server = ScriptedServer.Listen(async peer =>
        {
            await peer.AcceptAsync();
            await peer.ServeAsync(peer.SendTextAsync);
        });
        string request = "";
        await using ScriptedServer proxy = ScriptedServer.Listen(async peer =>
        {
            await peer.ReadRequestAsync();
            request = peer.Request;
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, server.Uri.Port);
            await using var stream = new NetworkStream(socket);
            await peer.WriteAsync("HTTP/1.1 200 Connection established\r\nContent-Length: 17\r\n\r\n");
            Task up = peer.Frames.Input.CopyToAsync(stream);
            Task down = stream.CopyToAsync(peer.Frames.Output.AsStream());
            await Task.WhenAny(up, down);

            // The other one fails with the socket that is closed now, and nobody is to find that unobserved.
            _ = Task.WhenAll(up, down).ContinueWith(static both => both.Exception, TaskScheduler.Default);
        });
        await using WsClient client = server.CreateClient(o =>
        {
            o.Endpoints[0] = new Uri($"ws://hidden.test:{server.Uri.Port}/ws");
            o.Proxy = new WebProxy($"http://127.0.0.1:{proxy.Uri.Port}") { Credentials = new NetworkCredential("user", "pass") };
        });
        await client.StartAsync().Soon();
        await client.SendTextAsync("through the tunnel");
        Assert.True(await client.WaitToReadAsync().Soon());

        Assert.StartsWith($"CONNECT hidden.test:{server.Uri.Port} HTTP/1.1\r\nHost: hidden.test:{server.Uri.Port}", request, StringComparison.Ordinal);
        Assert.Contains("Proxy-Authorization: Basic " + Convert.ToBase64String("user:pass"u8), request, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "asks for credentials")]
    [InlineData("HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nnot here", "403 Forbidden: not here")]
    [InlineData("nonsense\r\n\r\n", "did not answer CONNECT as HTTP asks")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nbytes", "sent bytes of its own")]
    [InlineData("", "did not answer CONNECT")]
    public async Task What_a_proxy_answers_instead_is_said(string answer, string message)
    {
        await using ScriptedServer proxy = ScriptedServer.Listen(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync(answer);
        });
        await using var client = new WsClient(new WsClientOptions { Endpoints = { new Uri("wss://hidden.test/ws") }, Proxy = new WebProxy($"http://127.0.0.1:{proxy.Uri.Port}") });

        var error = await Assert.ThrowsAnyAsync<WsDialException>(() => client.StartAsync().Soon());
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal("wss://hidden.test/ws", error.Endpoint);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TLS_is_spoken_with_a_wss_endpoint_and_its_certificate_is_checked(bool trusts)
    {
        using X509Certificate2 certificate = CreateCertificate();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = ServeTlsAsync(listener, certificate);
        await using var client = new WsClient(new WsClientOptions
        {
            Endpoints = { new Uri($"wss://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}/") },
            TransportFactory = new FixedTransports(((IPEndPoint)listener.LocalEndpoint).Port),
            Tls = trusts ? new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, given, _, _) => given?.GetCertHashString() == certificate.GetCertHashString() } : null,
        });

        if (trusts)
        {
            await client.StartAsync().Soon();
            await client.SendTextAsync("secret");
            Assert.True(await client.WaitToReadAsync().Soon());
            Assert.True(client.TryRead(out WsClientMessage message));
            Assert.Equal("secret", message.GetText());
            message.Dispose();
        }
        else
        {
            var error = await Assert.ThrowsAsync<WsDialException>(() => client.StartAsync().Soon());
            Assert.Contains("the TLS handshake failed", error.Message, StringComparison.Ordinal);
            Assert.IsType<AuthenticationException>(error.InnerException);
        }

        await client.StopAsync().Soon();
        await serving.Soon();
    }

    private static async Task ServeTlsAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using Socket socket = await listener.AcceptSocketAsync();
        await using var tls = new SslStream(new NetworkStream(socket));
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate, ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11] });
            Assert.Equal(SslApplicationProtocol.Http11, tls.NegotiatedApplicationProtocol);
            var pipe = new DuplexPipePair.End(System.IO.Pipelines.PipeReader.Create(tls), System.IO.Pipelines.PipeWriter.Create(tls));
            var peer = new ServerPeer(pipe, (_, _) => socket.Dispose(), 1, default);
            await peer.AcceptAsync();
            await peer.ServeAsync(peer.SendTextAsync);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The client did not trust it.
        }
    }

    private static X509Certificate2 CreateCertificate()
    {
        using RSA key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }

    private sealed class FixedTransports(int port) : IWsTransportFactory
    {
        public async ValueTask<WsTransport> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return new WsTransport(new NetworkStream(socket, ownsSocket: true));
        }
    }

    private sealed class LateTransports : IWsTransportFactory
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<WsTransport> Connected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ValueTask<WsTransport> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            return new ValueTask<WsTransport>(Connected.Task);
        }
    }

    private sealed class ClosableStream : MemoryStream
    {
        public bool IsClosed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
        }
    }
}
