using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PipeWs.Transport.Connections;
using PipeWs.Transport.Loops;
using PipeWs.Transport.Native;

namespace PipeWs.Transport.Hosting;

/// <summary>What Kestrel asks for listeners. The loops start with the first.</summary>
internal sealed class PipeWsTransportFactory(IOptions<PipeWsTransportOptions> options, ILoggerFactory loggers, IMemoryPoolFactory<byte>? pools = null)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector, IAsyncDisposable, IDisposable
{
    private readonly PipeWsTransportOptions _options = options.Value;
    private readonly ILogger _logger = loggers.CreateLogger("PipeWs.Transport");
    private readonly Lock _gate = new();
    private LoopGroup? _loops;
    private string _mechanism = "";
    private MemoryPool<byte>? _pool;

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint or UnixDomainSocketEndPoint or FileHandleEndPoint { FileHandleType: FileHandleType.Auto or FileHandleType.Tcp } && _options.CanBind?.Invoke(endpoint) != false;

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        Socket socket = ListeningSockets.Listen(endpoint, _options);
        EndPoint local = socket.LocalEndPoint ?? endpoint;
        LoopGroup loops;
        try
        {
            loops = Loops();
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        bool isLocalExact = local is not IPEndPoint address || !(address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any));
        var setting = new ConnectionSetting(_logger, _pool!, _options.UnsafePreferInlineScheduling, local, isLocalExact);
        TransportLog.Bound(_logger, loops.Count, _mechanism, local);
        return new ValueTask<IConnectionListener>(new LoopListener(socket, endpoint is FileHandleEndPoint ? endpoint : local, loops, setting, _options.NoDelay));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        LoopGroup? loops;
        MemoryPool<byte>? pool;
        lock (_gate)
        {
            (loops, _loops) = (_loops, null);
            (pool, _pool) = (_pool, null);
        }

        if (loops is not null)
        {
            await loops.DisposeAsync();
        }

        // What still holds a block of it gives that to the collector.
        pool?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private LoopGroup Loops()
    {
        lock (_gate)
        {
            _pool ??= pools?.Create() ?? MemoryPool<byte>.Shared;
            return _loops ??= new LoopGroup(_options.LoopCount, _options.SpinTime, _options.StallTimeout, UsesRing(), _logger);
        }
    }

    private bool UsesRing()
    {
        string? reason = _options.IoUring == PipeWsIoUringUse.Never ? "not wanted" : RingCheck.Run();
        _mechanism = reason is null ? "epoll and io_uring" : $"epoll (io_uring: {reason})";
        return reason is null || _options.IoUring != PipeWsIoUringUse.Required
            ? reason is null
            : throw new PlatformNotSupportedException($"PipeWsTransportOptions.IoUring is Required, and io_uring cannot be used: {reason}. Set it to WhereAvailable, or let the process use it.");
    }
}
