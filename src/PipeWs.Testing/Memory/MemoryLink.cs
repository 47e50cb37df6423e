using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>
/// A transport in memory between a peer of a test and a hub: a pipe each way with a window, a reset and an orderly end, as TCP has. What the server's end does runs on the thread
/// pool, and the link knows whether any of it is under way; the peer's end runs on the thread that writes, so that what the server has sent has come.
/// </summary>
#pragma warning disable CA1001 // The source of the token has no timer, and whoever holds the token may outlive the link.
internal sealed class MemoryLink : PeerTransport
#pragma warning restore CA1001
{
    private const int MinLooks = 50;

    // A callback that has not returned is a handler that blocks its thread, or one whose turn in the pool has not come.
    private const int BlockedFactor = 25;

    private readonly Pipe _toServer;
    private readonly Pipe _toPeer;
    private readonly MemoryNetwork _network;
    private readonly IWsHub _hub;
    private readonly CountingScheduler _work = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly LinkReader _peerInput;
    private readonly TaskCompletionSource _served = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<Task>? _door;
    private IWsConnection? _connection;
    private int _closedFired;

    // Of the network's own, with its lock.
    private long _seenVersion = -1;
    private long _seenAt;
    private int _looks;

    public MemoryLink(MemoryNetwork network, IWsHub hub, EndPoint remote, EndPoint local, int windowBytes)
    {
        _network = network;
        _hub = hub;
        RemoteEndPoint = remote;
        LocalEndPoint = local;
        _toServer = new Pipe(Options(_work, PipeScheduler.Inline, windowBytes));
        _toPeer = new Pipe(Options(PipeScheduler.Inline, _work, windowBytes));
        ServerInput = new LinkReader(_toServer.Reader);
        _peerInput = new LinkReader(_toPeer.Reader);
        Server = new End(ServerInput, _toPeer.Writer);
    }

    /// <summary>The peer's address: an object of its own, by which the hub's connection is found.</summary>
    public EndPoint RemoteEndPoint { get; }

    public EndPoint LocalEndPoint { get; }

    /// <summary>The server's end.</summary>
    public IDuplexPipe Server { get; }

    public LinkReader ServerInput { get; }

    /// <summary>Fires when the peer has gone or the link is broken.</summary>
    public CancellationToken Closed => _closed.Token;

    /// <summary>The server's work on this connection, from the door on.</summary>
    public Task Served => _served.Task;

    public override PipeReader Input => _peerInput;

    public override PipeWriter Output => _toServer.Writer;

    public override IWsConnection? Connection => _connection ??= _hub.Connections.FirstOrDefault(connection => ReferenceEquals(connection.RemoteEndPoint, RemoteEndPoint));

    /// <summary>Changes with everything that happens at the server's end.</summary>
    public long Version => _work.Scheduled + ServerInput.Reads + _peerInput.Reads + (Served.IsCompleted ? 1 : 0);

    /// <summary>Whether nothing happens at the server's end until something more comes, or time passes.</summary>
    public bool IsIdle => Served.IsCompleted || (_work.Pending == 0 && ServerInput.IsWaiting);

    /// <summary>Lets a door of the server's have the connection.</summary>
    public void Serve(Func<Task> door)
    {
        _door = door;
        _work.Schedule(static link => _ = ServeAsync((MemoryLink)link!), this);
    }

    /// <summary>
    /// Whether nothing happens at the server's end, or a handler there waits for something else: nothing was seen to happen for so long, and in so many looks, between any two of which all that
    /// was in the pool's queue has begun. A machine under load must not look like a handler that waits.
    /// </summary>
    public bool IsIdleOrStuck(TimeSpan patience)
    {
        long version = Version;
        if (version != _seenVersion)
        {
            _seenVersion = version;
            _seenAt = Environment.TickCount64;
            _looks = 0;
        }

        return IsIdle || (++_looks >= MinLooks && Environment.TickCount64 - _seenAt >= (_work.Pending == 0 ? patience : patience * BlockedFactor).TotalMilliseconds);
    }

    public override void Abort(Exception reason)
    {
        _toServer.Writer.Complete(new ConnectionResetException(reason.Message, reason));
        FireClosed();
    }

    public override void Finish()
    {
        _toServer.Writer.Complete();
        FireClosed();
    }

    /// <summary>The server drops the transport.</summary>
    public void AbortByServer(Exception? reason)
    {
        Exception error = reason ?? new IOException("The server dropped the connection.");
        ServerInput.Break(error);
        _peerInput.Break(error);
        FireClosed();
    }

    public override Task WhenIdleAsync() => _network.WhenIdleAsync();

    public override Task WhenTakenAsync() => _network.WhenIdleAsync();

    public override string Describe()
    {
        string state = Served is { IsFaulted: true } ? $"has failed: {Served.Exception!.InnerException}"
            : Served.IsCompleted ? Connection is { Closed.IsCompletedSuccessfully: true } ended ? $"has ended: {Tell(ended.Closed.Result)}" : "has ended"
            : ServerInput.IsWaiting ? "waits for this peer"
            : "has not finished with what this peer sent: a handler, or a send to this peer, is under way";
        return $"The server's end {state}.\n{_network.DescribeLog()}";
    }

    private static string Tell(WsCloseInfo info) => $"{info.Code} \"{info.Reason}\", begun by {info.Initiator}{(info.Exception is null ? "" : $", {info.Exception.Message}")}";

    private static PipeOptions Options(PipeScheduler reader, PipeScheduler writer, int windowBytes) =>
        new(readerScheduler: reader, writerScheduler: writer, pauseWriterThreshold: windowBytes, resumeWriterThreshold: Math.Max(1, windowBytes / 2), useSynchronizationContext: false);

    // By the scheduler, so that no thread of the server's inherits a test's synchronization context or its ambient values.
    private static async Task ServeAsync(MemoryLink link)
    {
        try
        {
            await link._door!();
            link._served.TrySetResult();
        }
        catch (Exception e)
        {
            link._served.TrySetException(e);
        }
        finally
        {
            await link.Server.Output.CompleteAsync();
            await link.Server.Input.CompleteAsync();
            link.FireClosed();
        }
    }

    private void FireClosed()
    {
        if (Interlocked.Exchange(ref _closedFired, 1) == 0)
        {
            _work.Schedule(static source => ((CancellationTokenSource)source!).Cancel(), _closed);
        }
    }

    private sealed class End(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
