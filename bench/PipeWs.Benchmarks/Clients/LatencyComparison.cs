using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using PipeWs.Client;

namespace PipeWs.Benchmarks.Clients;

/// <summary>
/// How long a message takes from the server's send to the application, through our client and through the base library's: a message a millisecond from a process of its own. The
/// contestants take turns within one run. <c>dotnet run -c Release --project bench/PipeWs.Benchmarks -- client-latency [messages a round] [rounds] [bytes a message]</c>.
/// </summary>
internal static class LatencyComparison
{
    public const string Command = "client-latency";

    public static async Task RunAsync(string[] arguments)
    {
        int messages = Comparison.Number(arguments, 0, 3_000);
        int rounds = Comparison.Number(arguments, 1, 5);
        int bytes = Comparison.Number(arguments, 2, 128);
        using FloodProcess server = FloodProcess.Start(bytes, isPaced: true);
        (string Name, Func<Uri, Latencies, Task> Receive)[] contestants =
        [
            ("WsClient, handler", ReceiveByHandlerAsync),
            ("WsClient, reader", ReceiveByReaderAsync),
            ("ClientWebSocket", ReceiveByClientWebSocketAsync),
        ];

        // Once beforehand, so that all is compiled as well as it will be.
        foreach ((_, Func<Uri, Latencies, Task> receive) in contestants)
        {
            await receive(server.Uri, new Latencies(messages / 2));
        }

        var all = contestants.Select(_ => new List<Latencies>()).ToArray();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < contestants.Length; i++)
            {
                var latencies = new Latencies(messages);
                await contestants[i].Receive(server.Uri, latencies);
                all[i].Add(latencies);
            }
        }

        Console.WriteLine($"{bytes}-byte messages, one a millisecond, {messages} a round, median of {rounds} interleaved rounds");
        Console.WriteLine("| client | p50 | p99 | p99.9 |");
        Console.WriteLine("|---|---|---|---|");
        for (int i = 0; i < contestants.Length; i++)
        {
            string[] cells = [.. new[] { 0.5, 0.99, 0.999 }.Select(share => Comparison.Median(all[i].Select(latencies => latencies.Microseconds(share))).ToString("N0", CultureInfo.InvariantCulture) + " µs")];
            Console.WriteLine($"| {contestants[i].Name} | {string.Join(" | ", cells)} |");
        }
    }

    private static async Task ReceiveByHandlerAsync(Uri uri, Latencies latencies)
    {
        await using var client = new WsClient(new WsClientOptions { Endpoints = { uri }, MessageHandler = latencies, CloseTimeout = TimeSpan.FromMilliseconds(100) });
        await client.StartAsync();
        await latencies.Done;
    }

    private static async Task ReceiveByReaderAsync(Uri uri, Latencies latencies)
    {
        await using var client = new WsClient(new WsClientOptions { Endpoints = { uri }, CloseTimeout = TimeSpan.FromMilliseconds(100) });
        await client.StartAsync();
        await foreach (WsClientMessage message in client.ReadAllAsync())
        {
            latencies.Add(message.Payload.Span);
            message.Dispose();
            if (latencies.Done.IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task ReceiveByClientWebSocketAsync(Uri uri, Latencies latencies)
    {
        using var client = new ClientWebSocket();
        var buffer = new byte[16 * 1024];
        await client.ConnectAsync(uri, CancellationToken.None);
        while (!latencies.Done.IsCompleted)
        {
            ValueWebSocketReceiveResult result = await client.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            latencies.Add(buffer.AsSpan(0, result.Count));
        }

        client.Abort();
    }

    /// <summary>One round's.</summary>
    private sealed class Latencies(int messages) : IMessageHandler
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly long[] _ticks = new long[messages];
        private int _count;

        public Task Done => _done.Task;

        public ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken)
        {
            Add(payload.FirstSpan);
            return default;
        }

        public void Add(ReadOnlySpan<byte> message)
        {
            long now = Stopwatch.GetTimestamp();
            if (_count == messages)
            {
                return;
            }

            bool isMoment = Utf8Parser.TryParse(message[..FloodProcess.MomentDigits], out long sent, out _);
            _ticks[_count++] = isMoment ? now - sent : throw new InvalidDataException("The server's message does not begin with a moment.");
            if (_count == messages)
            {
                Array.Sort(_ticks);
                _done.TrySetResult();
            }
        }

        public double Microseconds(double share) => _ticks[(int)(share * (messages - 1))] * 1e6 / Stopwatch.Frequency;
    }
}
