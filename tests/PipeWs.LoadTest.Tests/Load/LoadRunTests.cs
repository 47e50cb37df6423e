using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Servers;
using PipeWs.Server;

namespace PipeWs.LoadTest.Tests.Load;

/// <summary>Whole loads against servers in this process.</summary>
public sealed class LoadRunTests
{
    // As short as can be, and on a busy machine as long as it takes until a message came.
    private static readonly LoadOptions Short = new()
    {
        Url = new Uri("ws://127.0.0.1/"),
        Mode = LoadMode.Echo,
        Duration = TimeSpan.FromSeconds(0.3),
        WarmUp = TimeSpan.FromSeconds(0.1),
        DrainTimeout = TimeSpan.FromSeconds(30),
        MinMessages = 1,
    };

    // One connection with a few messages in flight from the start, of which the first meets a fault.
    private static readonly LoadOptions Faulty = Short with
    {
        Connections = 1,
        InFlight = 4,
        Window = 4,
        WarmUp = TimeSpan.Zero,
        DrainTimeout = TimeSpan.FromSeconds(2),
        MinMessages = 0,
    };

    [Theory]
    [InlineData(false, 128, 1)]
    [InlineData(true, 128, 2)]
    [InlineData(false, 20_000, 1)]
    public async Task Every_echo_of_aspnet_is_verified(bool binary, int payloadBytes, int threads)
    {
        LoadResult result = await RunAsync(ServerKind.AspNet, Short with
        {
            Mode = LoadMode.Echo,
            Connections = 8,
            InFlight = 4,
            PayloadBytes = payloadBytes,
            Binary = binary,
            Threads = threads,
        });

        AssertSound(result);
        Assert.Equal(result.Sent, result.Got);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(16, 2, 2)]
    [InlineData(5, 3, 3)]
    public async Task A_fan_out_of_aspnet_loses_nothing(int window, int publishers, int threads)
    {
        LoadResult result = await RunAsync(ServerKind.AspNet, Short with
        {
            Mode = LoadMode.FanOut,
            Connections = 25,
            Window = window,
            Publishers = publishers,
            Threads = threads,
        });

        AssertSound(result);
        Assert.Equal(result.Sent * 25, result.Got);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connections_come_and_go(bool isOurs)
    {
        LoadResult result = await RunAsync(isOurs ? ServerKind.PipeWs : ServerKind.AspNet, Short with { Mode = LoadMode.Connect, Connections = 4, MinMessages = 20 });

        AssertSound(result);
        Assert.InRange(result.Messages, 20, result.Got);
        Assert.True(result.LatencyMicroseconds!.P50 > 0);
    }

    [Fact]
    public async Task Where_nobody_listens_no_connection_comes_about()
    {
        using var nobody = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        nobody.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        var url = new Uri($"ws://127.0.0.1:{((System.Net.IPEndPoint)nobody.LocalEndPoint!).Port}/echo");
        LoadResult result = await LoadRun.RunAsync(Short with { Url = url, Mode = LoadMode.Connect, Connections = 2, MinMessages = 0 }, NoProgress.Instance, TestContext.Current.CancellationToken);

        Assert.False(result.IsSound);
        Assert.Equal((0, 2), (result.Got, result.Errors));
        Assert.NotNull(result.FirstError);
    }

    [Theory]
    [InlineData(LoadMode.Echo, null, 2)]
    [InlineData(LoadMode.FanOut, null, 2)]
    [InlineData(LoadMode.FanOut, 300.0, 1)]
    public async Task On_request_it_is_measured_anew_and_rests_in_between(object mode, double? rate, int threads)
    {
        await using WebApplication server = LoadServer.Build(new ServerOptions(ServerKind.PipeWs, 0));
        await server.StartAsync();
        LoadOptions options = Short with { Mode = (LoadMode)mode, Connections = 6, InFlight = 3, Window = 3, Rate = rate, Threads = threads };
        options = options with { Url = new Uri(server.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + (options.Mode == LoadMode.FanOut ? "/bcast" : "/echo")) };
        var requests = new Pipe();
        var answers = new Pipe();
        await using var asking = new StreamWriter(requests.Writer.AsStream()) { AutoFlush = true };
        using var reading = new StreamReader(answers.Reader.AsStream());
        Task<bool> run = LoadRun.RunOnRequestAsync(options, new StreamReader(requests.Reader.AsStream()), new StreamWriter(answers.Writer.AsStream()), NoProgress.Instance, TestContext.Current.CancellationToken);

        Assert.Equal(LoadRun.Ready, await reading.ReadLineAsync(TestContext.Current.CancellationToken));
        IWsHub hub = server.Services.GetRequiredKeyedService<IWsHub>(options.Mode == LoadMode.FanOut ? "bcast" : "echo");
        long received = 0;
        for (int i = 0; i < 3; i++)
        {
            await asking.WriteLineAsync();
            var result = LoadResult.FromJson((await reading.ReadLineAsync(TestContext.Current.CancellationToken))!);
            AssertSound(result);

            // Before the first there was the warm-up, and probes. A load that did not rest would be ahead of what it told.
            long before = received;
            received = hub.GetStatistics().Traffic.MessagesReceived;
            Assert.True(i == 0 || received - before == result.Sent, $"{received} - {before}, {result.Sent} sent");
        }

        asking.Close();
        Assert.True(await run);
        await server.StopAsync();
    }

    [Fact]
    public async Task A_fan_out_at_a_rate_keeps_it()
    {
        const double Rate = 200;
        long start = Stopwatch.GetTimestamp();
        LoadResult result = await RunAsync(ServerKind.AspNet, Short with { Mode = LoadMode.FanOut, Connections = 5, Rate = Rate });

        AssertSound(result);
        Assert.Equal(result.Sent * 5, result.Got);

        // The machine may be late, but nothing is ever early.
        Assert.InRange(result.Sent, 1, (Stopwatch.GetElapsedTime(start).TotalSeconds * Rate) + 1);
    }

    [Theory]
    [InlineData(LoadMode.Echo)]
    [InlineData(LoadMode.FanOut)]
    public async Task SignalR_is_spoken_over_raw_sockets(object mode)
    {
        LoadResult result = await RunAsync(ServerKind.SignalR, Short with
        {
            Mode = (LoadMode)mode,
            Connections = 10,
            Protocol = LoadProtocol.SignalR,
            InFlight = 3,
            Window = 3,
        });

        AssertSound(result);
    }

    [Fact]
    public async Task The_servers_cpu_and_memory_are_measured()
    {
        LoadResult result = await RunAsync(ServerKind.AspNet, Short with
        {
            Mode = LoadMode.Echo,
            Connections = 4,
            InFlight = 8,
            Duration = TimeSpan.FromSeconds(2),
            ProcessId = Environment.ProcessId,
        });

        AssertSound(result);
        Assert.InRange(result.ServerCpuSeconds ?? 0, 0.01, 1000);
        Assert.Equal(result.Messages / result.ServerCpuSeconds, result.MessagesPerCpuSecond);
        Assert.InRange(result.ResidentBytes ?? 0, 1 << 20, 1L << 40);
    }

    [Fact]
    public async Task Idle_connections_are_opened_and_weighed()
    {
        LoadResult result = await RunAsync(ServerKind.AspNet, Short with
        {
            Mode = LoadMode.Idle,
            Connections = 50,
            Duration = TimeSpan.FromSeconds(1),
            ProcessId = Environment.ProcessId,
        });

        Assert.True(result.IsSound, result.FirstError);
        Assert.NotNull(result.BytesPerConnection);
    }

    [Fact]
    public async Task A_delivery_that_does_not_come_is_reported_as_lost()
    {
        LoadResult result = await RunAsync(
            CreateEcho(payload => IsTheFirst(payload) ? [] : [payload]),
            Faulty with { Mode = LoadMode.FanOut });

        Assert.False(result.IsSound);
        Assert.Equal(1, result.Lost);
        Assert.Equal(result.Expected - 1, result.Got);
    }

    [Fact]
    public async Task An_echo_with_another_payload_is_reported_as_wrong()
    {
        LoadResult result = await RunAsync(
            CreateEcho(payload =>
            {
                if (IsTheFirst(payload))
                {
                    payload[^1] = (byte)'!';
                }

                return [payload];
            }),
            Faulty);

        Assert.False(result.IsSound);
        Assert.InRange(result.Errors, 1, long.MaxValue);
        Assert.NotNull(result.FirstError);
    }

    [Theory]
    [InlineData(LoadMode.Echo)]
    [InlineData(LoadMode.FanOut)]
    public async Task A_message_that_comes_twice_is_reported_as_wrong(object mode)
    {
        LoadResult result = await RunAsync(
            CreateEcho(payload => IsTheFirst(payload) ? [payload, payload] : [payload]),
            Faulty with { Mode = (LoadMode)mode });

        Assert.False(result.IsSound);
        Assert.InRange(result.Errors, 1, long.MaxValue);
    }

    [Fact]
    public async Task A_connection_that_the_server_ends_is_reported()
    {
        LoadResult result = await RunAsync(
            CreateEcho(payload => IsTheFirst(payload) ? throw new InvalidOperationException() : [payload]),
            Faulty with { InFlight = 1 });

        Assert.False(result.IsSound);
        Assert.Equal(1, result.ClosedByServer);
        Assert.Equal(1, result.Lost);
    }

    [Fact]
    public async Task A_server_that_does_not_fan_out_is_told_of_instead_of_measured()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(
            CreateEcho(payload => [payload]),
            Short with { Mode = LoadMode.FanOut, Connections = 2, JoinTimeout = TimeSpan.FromMilliseconds(300) }));

        Assert.Contains("of 2 subscribers", error.Message, StringComparison.Ordinal);
    }

    private static bool IsTheFirst(byte[] payload) =>
        LoadStamp.TryRead(payload, out LoadStamp stamp) && stamp.Sequence == 0 && stamp.Origin != LoadStamp.ProbeOrigin;

    private static void AssertSound(LoadResult result)
    {
        Assert.True(result.IsSound, $"lost {result.Lost}, errors {result.Errors}, closed {result.ClosedByServer}: {result.FirstError}");
        Assert.InRange(result.Messages, 1, result.Got);
        Assert.Equal(result.Expected, result.Got);
        Assert.NotNull(result.LatencyMicroseconds);
        Assert.InRange(result.LatencyMicroseconds.P50, 0.001, result.LatencyMicroseconds.P99);
        Assert.InRange(result.LatencyMicroseconds.P999, result.LatencyMicroseconds.P99, result.LatencyMicroseconds.Max);
    }

    private static Task<LoadResult> RunAsync(ServerKind kind, LoadOptions options) => RunAsync(LoadServer.Build(new ServerOptions(kind, 0)), options);

    private static async Task<LoadResult> RunAsync(WebApplication server, LoadOptions options)
    {
        await using (server)
        {
            await server.StartAsync();
            var url = new Uri(server.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + (options.Mode == LoadMode.FanOut ? "/bcast" : "/echo"));
            LoadResult result = await LoadRun.RunAsync(options with { Url = url }, NoProgress.Instance, TestContext.Current.CancellationToken);
            await server.StopAsync();
            return result;
        }
    }

    // A server that answers each message of a connection, on whatever path, with what the function makes of it.
    private static WebApplication CreateEcho(Func<byte[], byte[][]> answer)
    {
        WebApplicationBuilder builder = LoadServer.CreateBuilder(new ServerOptions(ServerKind.AspNet, 0));
        builder.Listen(0);
        WebApplication application = builder.Build();
        application.UseWebSockets();
        application.Run(async context =>
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
            byte[] buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted) is { MessageType: not WebSocketMessageType.Close } received)
            {
                foreach (byte[] payload in answer(buffer[..received.Count]))
                {
                    await socket.SendAsync(payload, received.MessageType, received.EndOfMessage, context.RequestAborted);
                }
            }

            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
        });
        return application;
    }
}
