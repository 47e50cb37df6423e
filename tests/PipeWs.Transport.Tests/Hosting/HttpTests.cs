using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using PipeWs.Shared;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Hosting;

/// <summary>HTTP over the transport, as a Kestrel application meets it.</summary>
public sealed class HttpTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_one_after_the_other_use_one_connection(bool prefersInline)
    {
        var connections = new HashSet<string>();
        int onLoop = 0;
        await using HttpApp app = await HttpApp.StartAsync(
            transport: options => options.UnsafePreferInlineScheduling = prefersInline,
            map: app => app.MapGet("/id", (HttpContext context) =>
            {
                connections.Add(context.Connection.Id);
                onLoop += LoopThread.Current is null ? 0 : 1;
                return $"{context.Connection.RemoteIpAddress}:{context.Connection.RemotePort}>{context.Connection.LocalPort}";
            }));
        using HttpClient client = app.CreateClient();
        for (int i = 0; i < 100; i++)
        {
            string text = await client.GetStringAsync(new Uri("/id", UriKind.Relative)).Soon();
            Assert.Matches($"^127\\.0\\.0\\.1:\\d+>{app.Port}$", text);
        }

        Assert.Single(connections);

        // Not each: what has come before Kestrel reads again is handled where it reads.
        Assert.Equal(prefersInline, onLoop > 0);
    }

    [Fact]
    public async Task Pipelined_requests_are_answered_in_order()
    {
        await using HttpApp app = await HttpApp.StartAsync(map: static app => app.MapGet("/n/{n:int}", static (int n) => $"number {n}."));
        using Socket socket = await app.ConnectAsync();
        var requests = new StringBuilder();
        for (int i = 0; i < 500; i++)
        {
            requests.Append($"GET /n/{i} HTTP/1.1\r\nHost: x\r\n{(i == 499 ? "Connection: close\r\n" : "")}\r\n");
        }

        byte[] bytes = Encoding.ASCII.GetBytes(requests.ToString());
        Task<string> answer = ReadToEndAsync(socket);
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent, Math.Min(999, bytes.Length - sent)));
        }

        string text = await answer.Soon();
        int at = 0;
        for (int i = 0; i < 500; i++)
        {
            at = text.IndexOf($"number {i}.", at, StringComparison.Ordinal);
            Assert.True(at >= 0, $"The answer to request {i} is missing or not in its place.");
        }
    }

    [Fact]
    public async Task A_large_body_comes_whole_while_another_goes()
    {
        byte[] body = new byte[20_000_000];
        new Random(1).NextBytes(body);
        await using HttpApp app = await HttpApp.StartAsync();
        using HttpClient client = app.CreateClient();
        using HttpClient other = app.CreateClient();
        Task<byte[]> download = other.GetByteArrayAsync(new Uri("/big/20000000", UriKind.Relative));
        using var content = new ByteArrayContent(body);
        HttpResponseMessage response = await client.PostAsync(new Uri("/hash", UriKind.Relative), content).Soon();
        Assert.Equal(Convert.ToHexString(SHA256.HashData(body)), await response.Content.ReadAsStringAsync());
        byte[] downloaded = await download.Soon();
        Assert.Equal(20_000_000, downloaded.Length);
        for (int i = 0; i < downloaded.Length; i++)
        {
            if (downloaded[i] != (byte)i)
            {
                Assert.Fail($"Byte {i} is wrong.");
            }
        }
    }

    [Fact]
    public async Task A_request_byte_by_byte_is_answered()
    {
        await using HttpApp app = await HttpApp.StartAsync();
        using Socket socket = await app.ConnectAsync();
        foreach (byte b in "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray())
        {
            await socket.SendAsync(new[] { b });
        }

        Assert.EndsWith("Hello", (await ReadToEndAsync(socket).Soon()).TrimEnd('\r', '\n', '0'), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_reads_slowly_gets_everything()
    {
        await using HttpApp app = await HttpApp.StartAsync();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, app.Port);
        await socket.SendAsync("GET /big/3000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        long total = 0;
        byte[] buffer = new byte[1500];
        int received;
        while ((received = await socket.ReceiveAsync(buffer).Soon()) > 0)
        {
            total += received;
        }

        Assert.InRange(total, 3_000_000, 3_001_000);
    }

    [Fact]
    public async Task A_request_that_is_refused_unread_gets_its_answer()
    {
        await using HttpApp app = await HttpApp.StartAsync();
        for (int i = 0; i < 20; i++)
        {
            using Socket socket = await app.ConnectAsync();
            await socket.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\nBig: " + new string('a', 200_000)));
            Assert.StartsWith("HTTP/1.1 431 ", await ReadToEndAsync(socket).Soon(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_client_that_goes_on_sending_after_its_refusal_gets_it_and_is_not_reset()
    {
        const int TooMuch = 40_000;
        await using HttpApp app = await HttpApp.StartAsync();
        using Socket socket = await app.ConnectAsync();
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\nBig: " + new string('a', TooMuch)));
        await Conditions.UntilAsync(() => app.Log.Lines.Any(static line => line.Text.Contains("stopped", StringComparison.Ordinal)), "Kestrel is done with the connection");
        for (int i = 0; i < 20; i++)
        {
            await socket.SendAsync(new byte[TooMuch]);
        }

        Assert.StartsWith("HTTP/1.1 431 ", await ReadToEndAsync(socket).Soon(), StringComparison.Ordinal);
        await socket.SendAsync(new byte[TooMuch]);
        socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).Soon());
    }

    [Fact]
    public async Task A_client_that_leaves_during_a_response_ends_the_request()
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HttpApp app = await HttpApp.StartAsync(map: app => app.MapGet("/wait", async (HttpContext context) =>
        {
            context.RequestAborted.Register(() => aborted.TrySetResult());
            await context.Response.WriteAsync("begun");
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        }));
        using Socket socket = await app.ConnectAsync();
        await socket.SendAsync("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await socket.ReceiveAsync(new byte[100]).Soon();
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
        await aborted.Task.Soon();
    }

    [Fact]
    public async Task A_handler_that_aborts_resets_or_ends_the_connection()
    {
        await using HttpApp app = await HttpApp.StartAsync(map: static app => app.MapGet("/abort", static (HttpContext context) => context.Abort()));
        using HttpClient client = app.CreateClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri("/abort", UriKind.Relative)).Soon());
        Assert.Equal("Hello", await client.GetStringAsync(new Uri("/hello", UriKind.Relative)).Soon());
    }

    [Fact]
    public async Task A_handler_that_blocks_its_loop_holds_up_nobody_else_for_long()
    {
        using var release = new ManualResetEventSlim();
        var isIn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HttpApp app = await HttpApp.StartAsync(
            transport: static options =>
            {
                options.LoopCount = 1;
                options.UnsafePreferInlineScheduling = true;
                options.StallTimeout = TimeSpan.FromMilliseconds(20);
            },
            map: app => app.MapGet("/block", () =>
            {
                if (LoopThread.Current is null)
                {
                    return "not on the loop";
                }

                isIn.SetResult();
                release.Wait();
                return "late";
            }));
        using HttpClient blocked = app.CreateClient();
        using HttpClient other = app.CreateClient();

        Task<string> late;
        int elsewhere = 0;
        try
        {
            // A connection's first request is still handled where Kestrel began it, and so is what has come before Kestrel reads again.
            while (true)
            {
                late = blocked.GetStringAsync(new Uri("/block", UriKind.Relative));
                await Task.WhenAny(late, isIn.Task).Soon();
                if (isIn.Task.IsCompleted)
                {
                    break;
                }

                Assert.Equal("not on the loop", await late);
                Assert.InRange(++elsewhere, 1, 100);
            }

            Assert.Equal("Hello", await other.GetStringAsync(new Uri("/hello", UriKind.Relative)).Soon());
            Assert.False(late.IsCompleted);
            await Conditions.UntilAsync(() => app.Log.Lines.Any(static line => line.EventId == 4001), "the loop is taken over");
        }
        finally
        {
            release.Set();
        }

        Assert.Equal("late", await late.Soon());
        Assert.Equal("Hello", await blocked.GetStringAsync(new Uri("/hello", UriKind.Relative)).Soon());
    }

    [Fact]
    public async Task Stopping_lets_requests_end()
    {
        var isIn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mayEnd = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        HttpApp app = await HttpApp.StartAsync(map: app => app.MapGet("/last", async () =>
        {
            isIn.SetResult();
            await mayEnd.Task;
            return "the last one";
        }));
        using HttpClient client = app.CreateClient();
        using Socket idle = await app.ConnectAsync();
        Task<string> last = client.GetStringAsync(new Uri("/last", UriKind.Relative));
        await isIn.Task.Soon();
        Task stopping = app.App.StopAsync();
        await Conditions.UntilAsync(() => !IsListening(app.Port), "nobody listens any more");
        Assert.False(stopping.IsCompleted);
        mayEnd.SetResult();
        Assert.Equal("the last one", await last.Soon());
        await stopping.Soon();
        await app.DisposeAsync();
    }

    internal static async Task<string> ReadToEndAsync(Socket socket)
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[16 * 1024];
        int received;
        while ((received = await socket.ReceiveAsync(buffer)) > 0)
        {
            text.Append(Encoding.ASCII.GetString(buffer, 0, received));
        }

        return text.ToString();
    }

    private static bool IsListening(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
