using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using PipeWs.Shared;
using PipeWs.Transport.Hosting;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Tests.Support;

/// <summary>Many connections of one loop and the sockets at their other ends, where the kernel has io_uring.</summary>
internal sealed class LoopCrowd : IAsyncDisposable
{
    private readonly PipeWsTransportFactory _factory;
    private readonly IConnectionListener _listener;

    private LoopCrowd(PipeWsTransportFactory factory, IConnectionListener listener)
    {
        _factory = factory;
        _listener = listener;
    }

    public List<ConnectionContext> Servers { get; } = [];

    public List<Socket> Clients { get; } = [];

    public PipeScheduler Loop => Servers[0].Features.Get<PipeScheduler>()!;

    public PipeWriter Output(int index) => Servers[index].Transport.Output;

    /// <summary>Opens connections. Their loop is not taken over, however long a busy machine keeps the work on it, unless <paramref name="configure"/> says otherwise.</summary>
    /// <param name="count">How many.</param>
    /// <param name="configure">Changes the transport's options.</param>
    /// <param name="client">Changes a client's socket before it connects.</param>
    public static async Task<LoopCrowd> OpenAsync(int count, Action<PipeWsTransportOptions>? configure = null, Action<Socket, int>? client = null)
    {
        string? reason = RingCheck.Run();
        Assert.SkipWhen(reason is not null, $"There is no io_uring for this process: {reason}. It needs Linux 5.18, and a container that allows it.");
        PipeWsTransportFactory factory = LoopPair.CreateFactory(options =>
        {
            options.IoUring = PipeWsIoUringUse.Required;
            options.StallTimeout = Timeout.InfiniteTimeSpan;
            configure?.Invoke(options);
        });
        var crowd = new LoopCrowd(factory, await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0)));
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            client?.Invoke(socket, i);
            ValueTask<ConnectionContext?> accepted = crowd._listener.AcceptAsync();
            await socket.ConnectAsync(crowd._listener.EndPoint);
            crowd.Servers.Add((await accepted.Soon())!);
            crowd.Clients.Add(socket);
        }

        return crowd;
    }

    /// <summary>Runs work on the loop.</summary>
    public Task DoAsync(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Schedule(
            _ =>
            {
                try
                {
                    work();
                    done.SetResult();
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            },
            null);
        return done.Task.Soon();
    }

    /// <summary>Receives at a client until there are as many bytes, or the end.</summary>
    public async Task<byte[]> ReceiveAsync(int index, int bytes)
    {
        byte[] buffer = new byte[bytes];
        int length = 0;
        while (length < bytes)
        {
            int received = await Clients[index].ReceiveAsync(buffer.AsMemory(length)).Soon();
            if (received == 0)
            {
                break;
            }

            length += received;
        }

        return buffer[..length];
    }

    public async ValueTask DisposeAsync()
    {
        Clients.ForEach(static client => client.Dispose());
        foreach (ConnectionContext server in Servers)
        {
            server.Abort();
            await server.DisposeAsync().Soon();
        }

        await _listener.DisposeAsync().Soon();
        await _factory.DisposeAsync().Soon();
    }
}
