using System.IO.Pipelines;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>How a peer's bytes reach the connection.</summary>
public enum Delivery
{
    /// <summary>As much at once as the pipe takes.</summary>
    Whole,

    /// <summary>Each byte read before the next is written.</summary>
    ByteByByte,

    /// <summary>Segments of 16 bytes, held up from 16 unread bytes on, in both directions.</summary>
    TinyPipe,
}

/// <summary>A connection that runs over a transport in memory against a raw peer, with a clock that moves when told to.</summary>
internal sealed class ConnectionHarness : IAsyncDisposable
{
    private readonly Delivery _delivery;

    public ConnectionHarness(WsRole role = WsRole.Server, Action<WsConnectionOptions>? configure = null, Delivery delivery = Delivery.Whole, bool run = true, DeflateParameters? compression = null)
    {
        _delivery = delivery;
        PipeOptions? toConnection = delivery switch
        {
            Delivery.ByteByByte => DuplexPipePair.Tiny(1),
            Delivery.TinyPipe => DuplexPipePair.Tiny(16),
            _ => null,
        };
        DuplexPipePair pair = DuplexPipePair.Create(toConnection, delivery == Delivery.TinyPipe ? DuplexPipePair.Tiny(16) : null);
        Input = new ObservedPipeReader(pair.Connection.Input);
        Output = new ObservedPipeWriter(pair.Connection.Output);
        Heartbeat = new WsHeartbeat(Clock);
        configure?.Invoke(Options);
        Connection = new WsConnection(new DuplexPipePair.End(Input, Output), role, Options, Heartbeat, _ => Aborts++, compression);
        Peer = new RawPeer(pair.Peer, masks: role == WsRole.Server);
        if (run)
        {
            Run();
        }
    }

    public ManualTimeProvider Clock { get; } = new();

    public WsHeartbeat Heartbeat { get; }

    public WsConnectionOptions Options { get; } = new();

    public RecordingReceiver Receiver { get; } = new();

    public ObservedPipeReader Input { get; }

    public ObservedPipeWriter Output { get; }

    public WsConnection Connection { get; }

    public RawPeer Peer { get; }

    /// <summary>How often the connection dropped its transport.</summary>
    public int Aborts { get; private set; }

    public Task<WsCloseInfo> Ended { get; private set; } = Task.FromException<WsCloseInfo>(new InvalidOperationException("It does not run."));

    public void Run() => Ended = Connection.RunAsync(Receiver);

    /// <summary>Sends bytes in the way of this harness.</summary>
    public Task SendAsync(byte[] bytes) => Peer.SendAsync(bytes, _delivery == Delivery.ByteByByte ? 1 : int.MaxValue);

    /// <summary>Waits until the connection has looked at all that was sent and waits for more.</summary>
    public Task UntilIdleAsync() => Conditions.UntilAsync(() => Input.IsIdle, "all is read");

    /// <summary>Reads the close frame, lets the transport end, and gives how the connection saw it.</summary>
    public async Task<(RawFrame Close, WsCloseInfo Info)> FinishAsync()
    {
        RawFrame close = await Peer.ReadFrameAsync();
        Assert.Equal(RawFrame.Close, close.Opcode);
        Peer.Finish();
        WsCloseInfo info = await Ended.Soon();
        Assert.Null(await Peer.TryReadFrameAsync());
        return (close, info);
    }

    /// <summary>Answers a close frame, as the peer that the closing handshake asks for.</summary>
    public async Task<RawFrame> AnswerCloseAsync()
    {
        RawFrame close = await Peer.ReadFrameAsync();
        Assert.Equal(RawFrame.Close, close.Opcode);
        await Peer.SendFrameAsync(RawFrame.Close, close.Payload);
        Peer.Finish();
        return close;
    }

    /// <summary>Moves the clock on by one look of the heartbeat at a time, until something comes about or the time is over.</summary>
    public async Task AdvanceAsync(TimeSpan time, Func<bool>? until = null)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time && until?.Invoke() != true; passed += WsHeartbeat.Interval)
        {
            Clock.Advance(WsHeartbeat.Interval);
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Connection.Abort();
        Output.Release();
        try
        {
            await Ended.Soon();
        }
        catch (InvalidOperationException)
        {
            await Connection.DisposeAsync();
        }

        Heartbeat.Dispose();
    }
}
