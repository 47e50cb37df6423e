using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using PipeWs.Shared;
using PipeWs.Transport.Hosting;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Hosting;

/// <summary>Many connections that come, speak, are aborted in every state and go, while an echo must stay exact.</summary>
public sealed class StressTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Thousands_of_connects_aborts_and_resets_leave_nothing_behind(int number)
    {
        const int Clients = 1500;
        int seed = Environment.GetEnvironmentVariable("PIPEWS_SEED") is { } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : number * 7919;
        output.WriteLine($"PIPEWS_SEED={seed}");
        await using PipeWsTransportFactory factory = LoopPair.CreateFactory(static options => options.LoopCount = 2);
        IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        int open = 0;
        int served = 0;
        Task accepting = Task.Run(async () =>
        {
            while (await listener.AcceptAsync() is { } connection)
            {
                Interlocked.Increment(ref open);
                int which = Interlocked.Increment(ref served);
                _ = ServeAsync(connection, new Random(seed ^ which), () => Interlocked.Decrement(ref open));
            }
        });
        int exact = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, Clients), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
        {
            if (await VisitAsync((IPEndPoint)listener.EndPoint, new Random(seed + i)))
            {
                Interlocked.Increment(ref exact);
            }
        }).Soon();
        await Conditions.UntilAsync(() => Volatile.Read(ref open) == 0 && Volatile.Read(ref served) >= exact, "every connection has ended");
        Assert.True(exact > Clients / 8, $"Only {exact} of {Clients} echoes were to their end.");
        await listener.UnbindAsync();
        await accepting.Soon();
        await listener.DisposeAsync();
    }

    /// <summary>Echoes, and now and then aborts, ends or stops reading instead.</summary>
    private static async Task ServeAsync(ConnectionContext connection, Random random, Action ended)
    {
        try
        {
            using CancellationTokenSource aborter = new();
            if (random.Next(4) == 0)
            {
                // From another thread, at any moment.
                _ = Task.Run(async () =>
                {
                    for (int i = random.Next(50); i > 0; i--)
                    {
                        await Task.Yield();
                    }

                    connection.Abort(new ConnectionAbortedException("by the test"));
                });
            }

            if (random.Next(2) == 0)
            {
                var there = new TaskCompletionSource();
                connection.Features.Get<PipeScheduler>()!.Schedule(static there => ((TaskCompletionSource)there!).SetResult(), there);
                await there.Task;
            }

            while (true)
            {
                ReadResult result = await connection.Transport.Input.ReadAsync();
                if (result.Buffer.IsEmpty && result.IsCompleted)
                {
                    break;
                }

                foreach (ReadOnlyMemory<byte> piece in result.Buffer)
                {
                    await connection.Transport.Output.WriteAsync(piece);
                }

                connection.Transport.Input.AdvanceTo(result.Buffer.End);
            }
        }
        catch (Exception e) when (e is ConnectionAbortedException or ConnectionResetException)
        {
            // As every handler of Kestrel's meets it.
        }
        finally
        {
            await connection.DisposeAsync().Soon();
            ended();
        }
    }

    /// <returns>Whether it got back exactly what it sent, to the end.</returns>
    private static async Task<bool> VisitAsync(IPEndPoint server, Random random)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (random.Next(3) == 0)
        {
            socket.ReceiveBufferSize = 4096;
        }

        try
        {
            await socket.ConnectAsync(server);
            int kind = random.Next(8);
            if (kind == 0)
            {
                return false;
            }

            byte[] sent = new byte[random.Next(1, 200_000)];
            random.NextBytes(sent);
            if (kind == 1)
            {
                await socket.SendAsync(sent.AsMemory(0, Math.Min(1000, sent.Length)));
                socket.LingerState = new LingerOption(true, 0);
                return false;
            }

            Task sending = SendAsync(socket, sent, random.Next(1, 50_000));
            byte[] received = new byte[sent.Length + 1];
            int length = 0;
            while (true)
            {
                int count = await socket.ReceiveAsync(received.AsMemory(length, Math.Min(received.Length - length, 7_000))).AsTask().Soon();
                if (count == 0)
                {
                    break;
                }

                length += count;
                if (!received.AsSpan(length - count, count).SequenceEqual(sent.AsSpan(length - count, count)))
                {
                    Assert.Fail("What came back is not what was sent.");
                }
            }

            await sending.Soon();
            return length == sent.Length;
        }
        catch (SocketException)
        {
            // The server aborted it.
            return false;
        }
    }

    private static async Task SendAsync(Socket socket, byte[] bytes, int piece)
    {
        try
        {
            for (int sent = 0; sent < bytes.Length;)
            {
                sent += await socket.SendAsync(bytes.AsMemory(sent, Math.Min(piece, bytes.Length - sent)));
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // Aborted: the reader sees it too.
        }
    }
}
