using System.IO.Pipelines;
using System.Net.Sockets;
using PipeWs.Shared;
using PipeWs.Transport.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Loops;

/// <summary>The sockets of connections that ended over bytes nobody read.</summary>
public sealed class LingeringSocketsTests
{
    private const int Listeners = 1;
    private static readonly byte[] s_some = new byte[10_000];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_is_still_sending_gets_what_was_said_last_and_is_not_reset(bool wasRead)
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        var loop = (EventLoop)pair.Loop;
        await EndOverUnreadBytesAsync(pair, wasRead);
        for (int i = 0; i < 100; i++)
        {
            await pair.Client.SendAsync(s_some);
        }

        Assert.Equal("enough"u8.ToArray(), await pair.ReceiveAsync(100));
        await pair.Client.SendAsync(s_some);
        pair.Client.Shutdown(SocketShutdown.Send);
        await Conditions.UntilAsync(() => loop.Count == Listeners, "the socket is closed when its peer has ended");
        Assert.Equal(0, await pair.Client.ReceiveAsync(new byte[1]).Soon());
    }

    [Fact]
    public async Task A_peer_that_does_not_end_is_closed_after_a_while()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        var loop = (EventLoop)pair.Loop;
        await EndOverUnreadBytesAsync(pair, wasRead: true);
        await Conditions.UntilAsync(() => IsReset(pair.Client), "the socket has stayed its time");
        Assert.Equal((Listeners, 1), (loop.Count, loop.LingeredSockets));
    }

    [Fact]
    public async Task A_peer_whose_bytes_were_all_read_is_closed_at_once()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        var loop = (EventLoop)pair.Loop;
        await pair.Client.SendAsync(s_some);
        await pair.ReadAsync(s_some.Length);
        await pair.Server.DisposeAsync().Soon();
        Assert.Equal(0, await pair.Client.ReceiveAsync(new byte[1]).Soon());
        await Conditions.UntilAsync(() => IsReset(pair.Client), "its socket is closed");
        Assert.Equal((Listeners, 0), (loop.Count, loop.LingeredSockets));
    }

    [Fact]
    public async Task The_loops_end_closes_it()
    {
        LoopPair pair = await LoopPair.OpenAsync();
        await EndOverUnreadBytesAsync(pair, wasRead: true);
        var loop = (EventLoop)pair.Loop;
        await Conditions.UntilAsync(() => loop.LingeredSockets == 1, "the socket stays");
        await loop.StopAsync().Soon();
        await Conditions.UntilAsync(() => IsReset(pair.Client), "its socket is closed");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_that_is_aborted_does_not_wait()
    {
        await using LoopPair pair = await LoopPair.OpenAsync();
        var loop = (EventLoop)pair.Loop;
        await pair.Client.SendAsync(s_some);
        await pair.Input.ReadAtLeastAsync(s_some.Length).Soon();
        pair.Server.Abort();
        await pair.Server.DisposeAsync().Soon();

        // The peer sees a reset before the loop has closed the socket, and what lingers does so after the connection has left the loop.
        await Conditions.UntilAsync(() => loop.Count == Listeners, "the loop has closed it");
        await pair.OnLoopAsync(static () => Task.CompletedTask).Soon();
        Assert.Equal((Listeners, 0), (loop.Count, loop.LingeredSockets));
    }

    /// <summary>Ends the server's side while the client has sent more than was read.</summary>
    /// <param name="pair">The connection.</param>
    /// <param name="wasRead">Whether the rest had been received and not consumed, and is not still the kernel's.</param>
    private static async Task EndOverUnreadBytesAsync(LoopPair pair, bool wasRead)
    {
        await pair.Client.SendAsync(s_some);
        if (wasRead)
        {
            ReadResult result = await pair.Input.ReadAtLeastAsync(s_some.Length).Soon();
            pair.Input.AdvanceTo(result.Buffer.GetPosition(1));
        }
        else
        {
            await Conditions.UntilAsync(() => !((LoopReader)pair.Input).IsArmed, "the kernel has told of them");
        }

        await pair.Output.WriteAsync("enough"u8.ToArray());
        await pair.Server.DisposeAsync().Soon();
    }

    private static bool IsReset(Socket socket)
    {
        try
        {
            socket.Send(s_some);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
