using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using PipeWs.Shared;
using PipeWs.Transport.Hosting;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Hosting;

public sealed class LoopListenerTests
{
    [Fact]
    public async Task A_listener_outlives_the_thread_that_lost_the_loop_with_its_event()
    {
        await using PipeWsTransportFactory factory = LoopPair.CreateFactory(static options => options.StallTimeout = TimeSpan.FromMilliseconds(200));
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        ValueTask<ConnectionContext?> accepting = listener.AcceptAsync();
        await first.ConnectAsync(listener.EndPoint);
        ConnectionContext server = (await accepting.Soon())!;
        PipeScheduler loop = server.Features.Get<PipeScheduler>()!;
        using var release = new ManualResetEventSlim();
        var handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Schedule(
            async void (_) =>
            {
                ReadResult read = await server.Transport.Input.ReadAsync();
                release.Wait();
                server.Transport.Input.AdvanceTo(read.Buffer.End);
                handled.SetResult();
            },
            null);
        Task<ConnectionContext?> second = listener.AcceptAsync().AsTask();

        // The loop is kept until both events are there, and so finds them in one look: first the bytes whose reader blocks, and then the newcomer.
        using var bothAreThere = new ManualResetEventSlim();
        var isKept = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Schedule(
            _ =>
            {
                isKept.SetResult();
                bothAreThere.Wait();
            },
            null);
        await isKept.Task.Soon();
        await first.SendAsync(new byte[1]);
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await other.ConnectAsync(listener.EndPoint);
        bothAreThere.Set();

        ConnectionContext newcomer = (await second.Soon())!;
        release.Set();
        await handled.Task.Soon();
        foreach (ConnectionContext connection in new[] { server, newcomer })
        {
            connection.Abort();
            await connection.DisposeAsync().Soon();
        }
    }

    [Fact]
    public async Task Unbinding_ends_the_wait_for_a_connection()
    {
        await using PipeWsTransportFactory factory = LoopPair.CreateFactory();
        IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        ValueTask<ConnectionContext?> accepting = listener.AcceptAsync();
        await listener.UnbindAsync();
        Assert.Null(await accepting.Soon());
        Assert.Null(await listener.AcceptAsync().Soon());
        await listener.DisposeAsync();
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task A_wait_for_a_connection_can_be_given_up_and_begun_again()
    {
        await using PipeWsTransportFactory factory = LoopPair.CreateFactory();
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        using (var source = new CancellationTokenSource())
        {
            ValueTask<ConnectionContext?> givenUp = listener.AcceptAsync(source.Token);
            source.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp.Soon());
        }

        ValueTask<ConnectionContext?> accepting = listener.AcceptAsync();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = (await accepting.Soon())!;
        connection.Abort();
        await connection.DisposeAsync().Soon();
    }
}
