using PipeWs.Client.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Client.Tests;

public sealed class WsClientTests
{
    public static TheoryData<bool> Transports => [true, false];

    private static ScriptedServer Serve(bool inMemory, Func<ServerPeer, Task> script) => inMemory ? ScriptedServer.InMemory(script) : ScriptedServer.Listen(script);

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_client_sends_receives_and_stops_with_a_closing_handshake(bool inMemory)
    {
        RawFrame? close = null;
        await using ScriptedServer server = Serve(inMemory, async peer =>
        {
            await peer.AcceptAsync();
            close = await peer.ServeAsync(text => peer.SendTextAsync("echo " + text));
        });
        await using WsClient client = server.CreateClient();
        await client.StartAsync().Soon();

        Assert.True(client.IsConnected);
        Assert.Equal(WsClientState.Connected, client.State);
        await client.SendTextAsync("hello");
        Assert.True(await client.WaitToReadAsync().Soon());
        Assert.True(client.TryRead(out WsClientMessage message));
        Assert.Equal("echo hello", message.GetText());
        message.Dispose();
        Assert.Throws<ObjectDisposedException>(() => message.Payload);

        await client.StopAsync().Soon();
        await Conditions.UntilAsync(() => close is not null, "the server has seen the close frame");
        Assert.Equal(1000, close!.CloseCode);
        Assert.Equal(WsClientState.Stopped, client.State);
        Assert.False(await client.WaitToReadAsync().Soon());
        WsSendException stopped = await Assert.ThrowsAsync<WsSendException>(() => client.SendTextAsync("late").AsTask());
        Assert.Equal(WsSendFailure.Stopped, stopped.Failure);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_client_connects_again_when_the_connection_ends(bool inMemory)
    {
        await using ScriptedServer server = Serve(inMemory, async peer =>
        {
            await peer.AcceptAsync();
            await peer.SendTextAsync($"connection {peer.Number}");
            if (peer.Number < 3)
            {
                peer.Drop();
                return;
            }

            await peer.ServeAsync();
        });
        await using WsClient client = server.CreateClient(o => o.ReconnectPolicy = WsReconnectPolicy.FixedInterval(TimeSpan.FromMilliseconds(1)));
        await client.StartAsync().Soon();

        var received = new List<string>();
        await foreach (WsClientMessage message in client.ReadAllAsync())
        {
            using (message)
            {
                received.Add(message.GetText());
            }

            if (received.Count == 3)
            {
                break;
            }
        }

        Assert.Equal(["connection 1", "connection 2", "connection 3"], received);
        await client.WaitForConnectionAsync().Soon();
        Assert.Equal(3, client.Connection!.Number);
    }
}
