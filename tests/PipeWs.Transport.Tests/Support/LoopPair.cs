using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Shared;
using PipeWs.Transport.Hosting;

namespace PipeWs.Transport.Tests.Support;

/// <summary>A connection of the transport and the socket at its other end, without Kestrel.</summary>
internal sealed class LoopPair : IAsyncDisposable
{
    private readonly PipeWsTransportFactory _factory;
    private readonly IConnectionListener _listener;

    private LoopPair(PipeWsTransportFactory factory, IConnectionListener listener, ConnectionContext server, Socket client)
    {
        _factory = factory;
        _listener = listener;
        Server = server;
        Client = client;
    }

    public ConnectionContext Server { get; }

    public Socket Client { get; }

    public PipeReader Input => Server.Transport.Input;

    public PipeWriter Output => Server.Transport.Output;

    /// <summary>The loop that owns the connection.</summary>
    public PipeScheduler Loop => Server.Features.Get<PipeScheduler>()!;

    /// <summary>Opens a connection.</summary>
    /// <param name="configure">Changes the transport's options.</param>
    /// <param name="client">Changes the client's socket before it connects.</param>
    /// <param name="logs">Takes what the transport logs.</param>
    public static async Task<LoopPair> OpenAsync(Action<PipeWsTransportOptions>? configure = null, Action<Socket>? client = null, ILoggerProvider? logs = null)
    {
        PipeWsTransportFactory factory = CreateFactory(configure, logs);
        IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client?.Invoke(socket);
        ValueTask<ConnectionContext?> accepted = listener.AcceptAsync();
        await socket.ConnectAsync(listener.EndPoint);
        return new LoopPair(factory, listener, (await accepted.Soon())!, socket);
    }

    public static PipeWsTransportFactory CreateFactory(Action<PipeWsTransportOptions>? configure = null, ILoggerProvider? logs = null)
    {
        var options = new PipeWsTransportOptions { LoopCount = 1 };
        configure?.Invoke(options);
        return new PipeWsTransportFactory(Options.Create(options), LoggerFactory.Create(builder =>
        {
            if (logs is not null)
            {
                builder.AddProvider(logs);
            }
        }));
    }

    /// <summary>Runs code on the connection's loop, and what it awaits from the connection too.</summary>
    public Task OnLoopAsync(Func<Task> code)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Schedule(
            async void (_) =>
            {
                try
                {
                    await code();
                    done.SetResult();
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            },
            null);
        return done.Task;
    }

    /// <summary>Reads until there are as many bytes, and takes them.</summary>
    public async Task<byte[]> ReadAsync(int bytes)
    {
        ReadResult result = await Input.ReadAtLeastAsync(bytes).Soon();
        byte[] taken = result.Buffer.Slice(0, bytes).ToArray();
        Input.AdvanceTo(result.Buffer.GetPosition(bytes));
        return taken;
    }

    /// <summary>Receives at the client until there are as many bytes, or the end.</summary>
    public async Task<byte[]> ReceiveAsync(int bytes)
    {
        byte[] buffer = new byte[bytes];
        int length = 0;
        while (length < bytes)
        {
            int received = await Client.ReceiveAsync(buffer.AsMemory(length)).Soon();
            if (received == 0)
            {
                break;
            }

            length += received;
        }

        return buffer[..length];
    }

    /// <summary>Ends the transport beneath the connection.</summary>
    public async Task StopTransportAsync()
    {
        await _listener.DisposeAsync().Soon();
        await _factory.DisposeAsync().Soon();
    }

    /// <summary>Ends the connection by a reset.</summary>
    public void Reset()
    {
        Client.LingerState = new LingerOption(true, 0);
        Client.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Server.Abort();
        await Server.DisposeAsync().Soon();
        await StopTransportAsync();
    }
}
