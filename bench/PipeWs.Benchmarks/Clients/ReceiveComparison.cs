using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using PipeWs.Client;

namespace PipeWs.Benchmarks.Clients;

/// <summary>
/// Messages received per second of this process's CPU time, by our client and by the base library's, from one server in a process of its own that sends as fast as it is read.
/// The contestants take turns within one run. <c>dotnet run -c Release --project bench/PipeWs.Benchmarks -- client-receive [messages a round] [rounds] [bytes a message]</c>.
/// </summary>
internal static class ReceiveComparison
{
    public const string Command = "client-receive";

    public static async Task RunAsync(string[] arguments)
    {
        int messages = Comparison.Number(arguments, 0, 4_000_000);
        int rounds = Comparison.Number(arguments, 1, 5);
        int bytes = Comparison.Number(arguments, 2, 128);
        using FloodProcess server = FloodProcess.Start(bytes);
        (string Name, Func<Uri, int, Task<Sample>> Receive)[] contestants =
        [
            ("WsClient, handler", ReceiveByHandlerAsync),
            ("WsClient, reader", ReceiveByReaderAsync),
            ("ClientWebSocket", ReceiveByClientWebSocketAsync),
        ];

        // Once beforehand, so that all is compiled as well as it will be.
        foreach ((_, Func<Uri, int, Task<Sample>> receive) in contestants)
        {
            await receive(server.Uri, messages / 2);
        }

        var samples = contestants.Select(_ => new List<Sample>()).ToArray();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < contestants.Length; i++)
            {
                samples[i].Add(await contestants[i].Receive(server.Uri, messages));
            }
        }

        double baseline = Comparison.Median(samples[^1].Select(static sample => sample.MessagesPerCpuSecond));
        Console.WriteLine($"{bytes}-byte messages, {messages} a round, median of {rounds} interleaved rounds");
        Console.WriteLine("| client | messages per CPU-second | ratio | messages per second | bytes allocated a message |");
        Console.WriteLine("|---|---|---|---|---|");
        for (int i = 0; i < contestants.Length; i++)
        {
            double perCpu = Comparison.Median(samples[i].Select(static sample => sample.MessagesPerCpuSecond));
            double perSecond = Comparison.Median(samples[i].Select(static sample => sample.MessagesPerSecond));
            double allocated = Comparison.Median(samples[i].Select(static sample => sample.BytesPerMessage));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"| {contestants[i].Name} | {perCpu:N0} | {perCpu / baseline:0.00} | {perSecond:N0} | {allocated:0.000} |"));
        }
    }

    private static async Task<Sample> ReceiveByHandlerAsync(Uri uri, int messages)
    {
        var counter = new Counter(messages);
        await using var client = new WsClient(new WsClientOptions { Endpoints = { uri }, MessageHandler = counter, CloseTimeout = TimeSpan.FromMilliseconds(100) });
        Measure measure = Measure.Start();
        await client.StartAsync();
        await counter.Done;
        return measure.Stop(messages);
    }

    private static async Task<Sample> ReceiveByReaderAsync(Uri uri, int messages)
    {
        await using var client = new WsClient(new WsClientOptions { Endpoints = { uri }, CloseTimeout = TimeSpan.FromMilliseconds(100) });
        Measure measure = Measure.Start();
        await client.StartAsync();
        int received = 0;
        while (received < messages && await client.WaitToReadAsync())
        {
            while (received < messages && client.TryRead(out WsClientMessage message))
            {
                message.Dispose();
                received++;
            }
        }

        return measure.Stop(messages);
    }

    private static async Task<Sample> ReceiveByClientWebSocketAsync(Uri uri, int messages)
    {
        using var client = new ClientWebSocket();
        var buffer = new byte[16 * 1024];
        Measure measure = Measure.Start();
        await client.ConnectAsync(uri, CancellationToken.None);
        for (int received = 0; received < messages;)
        {
            ValueWebSocketReceiveResult result = await client.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            received += result.EndOfMessage ? 1 : 0;
        }

        Sample sample = measure.Stop(messages);
        client.Abort();
        return sample;
    }

    private sealed record Sample(double MessagesPerCpuSecond, double MessagesPerSecond, double BytesPerMessage);

    private sealed class Counter(int messages) : IMessageHandler
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _received;

        public Task Done => _done.Task;

        public ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload, CancellationToken cancellationToken)
        {
            if (++_received == messages)
            {
                _done.TrySetResult();
            }

            return default;
        }
    }

    private sealed class Measure
    {
        private readonly long _allocated = GC.GetTotalAllocatedBytes(precise: true);
        private readonly TimeSpan _cpu = Process.GetCurrentProcess().TotalProcessorTime;
        private readonly long _start = Stopwatch.GetTimestamp();

        public static Measure Start() => new();

        public Sample Stop(int messages)
        {
            double elapsed = Stopwatch.GetElapsedTime(_start).TotalSeconds;
            double cpu = (Process.GetCurrentProcess().TotalProcessorTime - _cpu).TotalSeconds;
            long allocated = GC.GetTotalAllocatedBytes(precise: true) - _allocated;
            return new Sample(messages / cpu, messages / elapsed, (double)allocated / messages);
        }
    }
}
