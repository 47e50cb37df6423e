using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using PipeWs.Shared;
using PipeWs.Transport.Hosting;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Hosting;

/// <summary>The kinds of endpoints, and what Kestrel puts above them.</summary>
public sealed partial class EndPointTests
{
    [Fact]
    public async Task IPv6_is_served_and_IPv4_beside_it()
    {
        await using HttpApp app = await HttpApp.StartAsync(address: IPAddress.IPv6Any, map: static app => app.MapGet("/local", static (HttpContext context) => context.Connection.LocalIpAddress!.ToString()));
        using var client = new HttpClient();
        Assert.Equal("::1", await client.GetStringAsync(new Uri($"http://[::1]:{app.Port}/local")).Soon());
        Assert.Equal("::ffff:127.0.0.1", await client.GetStringAsync(new Uri($"http://127.0.0.1:{app.Port}/local")).Soon());
    }

    [Fact]
    public async Task A_Unix_domain_socket_is_served_and_its_file_removed()
    {
        string path = Path.Combine(Path.GetTempPath(), $"pipews-{Guid.NewGuid():N}.sock");
        await using (HttpApp app = await HttpApp.StartAsync(kestrel: options => options.ListenUnixSocket(path)))
        {
            using var client = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellationToken) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            });
            Assert.Equal("Hello", await client.GetStringAsync(new Uri("http://localhost/hello")).Soon());
            Assert.Equal(3_000_000, (await client.GetByteArrayAsync(new Uri("http://localhost/big/3000000")).Soon()).Length);
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Endpoints_that_are_not_chosen_stay_with_Kestrels_own_transport()
    {
        int chosen = FreePort();
        await using HttpApp app = await HttpApp.StartAsync(
            kestrel: options =>
            {
                options.Listen(IPAddress.Loopback, chosen);
                options.Listen(IPAddress.Loopback, 0);
            },
            transport: options => options.CanBind = endPoint => endPoint is IPEndPoint { Port: { } port } && port == chosen);
        using var client = new HttpClient();
        foreach (string url in app.App.Urls)
        {
            Assert.Equal("Hello", await client.GetStringAsync(new Uri($"{url}/hello")).Soon());
        }

        Assert.Single(app.Log.Lines, static line => line.EventId == 4000);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_told_as_Kestrel_tells_it()
    {
        await using HttpApp app = await HttpApp.StartAsync();
        IOException e = await Assert.ThrowsAsync<IOException>(() => HttpApp.StartAsync(kestrel: options => options.Listen(IPAddress.Loopback, app.Port)));
        Assert.IsType<AddressInUseException>(e.InnerException);
    }

    [Fact]
    public async Task Two_servers_share_a_port_where_they_may()
    {
        await using HttpApp first = await HttpApp.StartAsync(transport: static options => options.ReusePort = true);
        await using HttpApp second = await HttpApp.StartAsync(kestrel: options => options.Listen(IPAddress.Loopback, first.Port), transport: static options => options.ReusePort = true);
        for (int i = 0; i < 50; i++)
        {
            using HttpClient client = first.CreateClient();
            Assert.Equal("Hello", await client.GetStringAsync(new Uri("/hello", UriKind.Relative)).Soon());
        }
    }

    [Fact]
    public async Task A_listening_socket_that_was_opened_before_is_served()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        int port = ((IPEndPoint)socket.LocalEndPoint!).Port;

        // A handle of its own, as one that a parent process passes on.
        int handle = Duplicate((int)socket.SafeHandle.DangerousGetHandle());
        await using HttpApp app = await HttpApp.StartAsync(kestrel: options => options.ListenHandle((ulong)handle));
        using var client = new HttpClient();
        Assert.Equal("Hello", await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/hello")).Soon());
    }

    [Fact]
    public void Options_out_of_range_say_so_with_key_value_and_range()
    {
        var options = new PipeWsTransportOptions { LoopCount = 0, Backlog = -1, SpinTime = TimeSpan.FromSeconds(1), StallTimeout = TimeSpan.Zero };
        ValidateOptionsResult result = new PipeWsTransportOptionsValidator().Validate(null, options);
        Assert.Collection(
            result.Failures!,
            static text => Assert.Equal("PipeWsTransportOptions.LoopCount is 0; allowed is 1 to 1024.", text),
            static text => Assert.Equal("PipeWsTransportOptions.Backlog is -1; allowed is at least 1.", text),
            static text => Assert.Equal("PipeWsTransportOptions.SpinTime is 00:00:01; allowed is 0 to 00:00:00.0100000.", text),
            static text => Assert.StartsWith("PipeWsTransportOptions.StallTimeout is 00:00:00; allowed is 00:00:00.0100000 to", text, StringComparison.Ordinal));
        Assert.True(new PipeWsTransportOptionsValidator().Validate(null, new PipeWsTransportOptions()).Succeeded);
    }

    [Fact]
    public async Task A_host_with_wrong_options_does_not_start()
    {
        await Assert.ThrowsAsync<OptionsValidationException>(() => HttpApp.StartAsync(transport: static options => options.LoopCount = 5000));
    }

    [Theory]
    [InlineData("--http1.1")]
    [InlineData("--http2")]
    public async Task TLS_is_served_to_curl(string version)
    {
        await using HttpApp app = await HttpApp.StartAsync(listen: static endpoint => endpoint.UseHttps(s_certificate.Value));
        byte[] body = await CurlAsync("-sk", version, $"https://127.0.0.1:{app.Port}/big/5000000", "-w", "%{stderr}%{http_version} %{http_code}");
        Assert.Equal(5_000_000, body.Length);
    }

    [Fact]
    public async Task HTTP2_without_TLS_is_served_to_curl()
    {
        await using HttpApp app = await HttpApp.StartAsync(listen: static endpoint => endpoint.Protocols = HttpProtocols.Http2);
        Assert.Equal("Hello"u8.ToArray(), await CurlAsync("-s", "--http2-prior-knowledge", $"http://127.0.0.1:{app.Port}/hello"));
        string file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, new byte[4_000_000]);
        byte[] hash = await CurlAsync("-s", "--http2-prior-knowledge", "--data-binary", "@" + file, $"http://127.0.0.1:{app.Port}/hash");
        Assert.Equal(Convert.ToHexString(SHA256.HashData(new byte[4_000_000])), System.Text.Encoding.ASCII.GetString(hash));
        File.Delete(file);
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int file);

    private static readonly Lazy<X509Certificate2> s_certificate = new(static () =>
    {
        using RSA key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    });

    private static async Task<byte[]> CurlAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("curl", ["--max-time", "30", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        using var output = new MemoryStream();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.BaseStream.CopyToAsync(output);
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"curl ended with {process.ExitCode}: {await errors}");
        return output.ToArray();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
