using System.IO.Pipelines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using PipeWs.Server;
using PipeWs.Server.Hubs;
using PipeWs.Server.Routing;

namespace PipeWs.Benchmarks.Hubs;

/// <summary>A hub without a host, whose connections have pipes that run inline and outputs that forget.</summary>
internal sealed class BenchmarkHub : IDisposable
{
    private readonly WsHeartbeat _heartbeat = new(TimeProvider.System);

    internal BenchmarkHub(Action<HubRegistration>? register = null)
    {
        var registration = new HubRegistration();
        register?.Invoke(registration);
        Hub = new Hub("", new PipeWsOptions(), registration, _heartbeat, new ServiceCollection().BuildServiceProvider(), NullLoggerFactory.Instance);
        Hub.Start();
    }

    internal Hub Hub { get; }

    public void Dispose()
    {
        Hub.Dispose();
        _heartbeat.Dispose();
    }

    /// <summary>Opens a connection.</summary>
    /// <returns>Where its peer writes, and what counts the flushes of its answers.</returns>
    internal (PipeWriter Peer, DiscardingWriter Output) Connect()
    {
        var input = new Pipe(new PipeOptions(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));
        var output = new DiscardingWriter();
        _ = Hub.RunAsync(new AcceptedConnection(_ => input.Writer.Complete())
        {
            Transport = new Duplex(input.Reader, output),
            Path = "/ws",
            TransportClosed = CancellationToken.None,
            CloseRequested = CancellationToken.None,
        });
        return (input.Writer, output);
    }

    /// <summary>A connection that leads nowhere, for what needs one and sends nothing.</summary>
    internal static AcceptedConnection Nowhere() => new(static _ => { })
    {
        Transport = new Duplex(new Pipe().Reader, new DiscardingWriter()),
        Path = "/ws",
        TransportClosed = CancellationToken.None,
        CloseRequested = CancellationToken.None,
    };

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
