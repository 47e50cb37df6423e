using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>
/// The hubs of an application, served in memory: no Kestrel, no socket, and a clock that the test moves. The code is the real one from the handshake on. Every member is safe
/// from any thread.
/// </summary>
public sealed partial class WsTestServer : IAsyncDisposable
{
    private static readonly TimeSpan s_stopStep = TimeSpan.FromMilliseconds(20);

    private readonly MemoryNetwork _network;
    private readonly IHost? _host;
    private readonly WsTestClock? _clock;
    private readonly Lock _gate = new();
    private readonly List<WsTestPeer> _peers = [];

    private WsTestServer(IServiceProvider services, IHost? host)
    {
        _ = services.GetService<WsHeartbeat>() ?? throw new InvalidOperationException("There is no PipeWs hub among the services: call services.AddPipeWs().");
        Services = services;
        _host = host;
        _clock = services.GetService<TimeProvider>() as WsTestClock;
        _network = MemoryNetwork.Of(services);
        if (services.GetServices<ILoggerProvider>().OfType<WsTestLog>().FirstOrDefault() is { } log)
        {
            Log = log;
            _network.Log ??= log;
        }
    }

    /// <summary>The application's services.</summary>
    public IServiceProvider Services { get; }

    /// <summary>The default hub.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public IWsHub Hub => GetHub("");

    /// <summary>The clock, which is also the application's <see cref="TimeProvider"/>.</summary>
    /// <exception cref="InvalidOperationException">The application's clock is another: see <see cref="WsTestServiceCollectionExtensions.AddPipeWsTestServer"/>.</exception>
    public WsTestClock Clock => _clock ?? throw new InvalidOperationException("The application's TimeProvider is no WsTestClock: register one, or call services.AddPipeWsTestServer().");

    /// <summary>What the application logged; empty where it was not started here.</summary>
    public WsTestLog Log { get; } = new();

    /// <summary>
    /// How long in real time <see cref="WaitUntilIdleAsync"/> waits for a handler that itself waits for something else, such as the clock or the test; once for each such wait. Default 200 ms.
    /// </summary>
    public TimeSpan HandlerPatience
    {
        get => _network.HandlerPatience;
        set => _network.HandlerPatience = value;
    }

    /// <summary>The peers that were connected here, whether or not they still are.</summary>
    public IReadOnlyList<WsTestPeer> Peers
    {
        get
        {
            lock (_gate)
            {
                return [.. _peers];
            }
        }
    }

    /// <summary>Starts an application in memory: its own registrations, hosted services included, a <see cref="WsTestClock"/>, and a log that failures quote.</summary>
    /// <param name="configure">Registers what the application registers, at least <c>AddPipeWs()</c>.</param>
    /// <param name="clock">The clock; null for a new one.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    public static async Task<WsTestServer> StartAsync(Action<IServiceCollection> configure, WsTestClock? clock = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(configure);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        configure(builder.Services);
        builder.Services.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock ?? new WsTestClock()));

        // The console's own would listen for signals of the process, once a test.
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, NoLifetime>());
        builder.Services.AddLogging(static logging => logging.SetMinimumLevel(LogLevel.Debug));
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ILoggerProvider, WsTestLog>());
        IHost host = builder.Build();
        try
        {
            await host.StartAsync(cancellationToken);
            return new WsTestServer(host.Services, host);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Starts a hub in memory, with nothing else in the application.</summary>
    /// <param name="build">Registers the hub's handlers.</param>
    /// <param name="options">Sets the hub's options.</param>
    /// <param name="services">Registers what the handlers need.</param>
    /// <param name="clock">The clock; null for a new one.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    public static Task<WsTestServer> StartHubAsync(
        Action<IPipeWsBuilder> build,
        Action<PipeWsOptions>? options = null,
        Action<IServiceCollection>? services = null,
        WsTestClock? clock = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(build);
        return StartAsync(
            all =>
            {
                services?.Invoke(all);
                build(all.AddPipeWs(options));
            },
            clock,
            cancellationToken);
    }

    /// <summary>
    /// Serves the hubs of an application that runs already, such as that of a WebApplicationFactory, beside its own doors. Disposing it leaves the application running.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <exception cref="InvalidOperationException">The application has no hub.</exception>
    public static WsTestServer For(IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(services);
        return new WsTestServer(services, null);
    }

    /// <summary>A hub by its name.</summary>
    /// <exception cref="InvalidOperationException">There is none of this name.</exception>
    public IWsHub GetHub(string name)
    {
        _ = HubDoor.Get(Services, name);
        return Services.GetRequiredKeyedService<IWsHub>(name);
    }

    /// <summary>
    /// Completes when the hubs have done all that they do without more coming or time passing: every connection that was made in memory waits for its peer, and every message
    /// published has come to the peers that read. No sleep: it looks until it is so.
    /// </summary>
    /// <remarks>A handler that waits for something else is waited for no longer than <see cref="HandlerPatience"/>. Work that handlers start and do not await is not seen.</remarks>
    /// <exception cref="WsAssertionException">It was not so within 30 s of real time.</exception>
    public Task WaitUntilIdleAsync() => _network.WhenIdleAsync();

    /// <summary>
    /// Moves the clock step by step, from timer to timer, and lets the hubs and the peers do after each step what they do then: heartbeats are sent and answered in between, and a
    /// peer that answers pings stays connected however far the clock goes.
    /// </summary>
    /// <remarks><see cref="WsTestClock.Advance"/> moves it in one go, without waiting for what other threads do meanwhile.</remarks>
    /// <param name="by">How far.</param>
    /// <exception cref="InvalidOperationException">The application's clock is no <see cref="WsTestClock"/>.</exception>
    public async Task AdvanceAsync(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        WsTestClock clock = Clock;
        await WaitUntilIdleAsync();
        DateTimeOffset target = clock.UtcNow + by;
        do
        {
            TimeSpan left = target - clock.UtcNow;
            TimeSpan step = clock.NextTimerIn is { } next && next < left ? next : left;
            clock.Advance(step > TimeSpan.Zero ? step : TimeSpan.Zero);
            await WaitUntilIdleAsync();
        }
        while (clock.UtcNow < target);
    }

    /// <summary>Waits until a condition holds that no peer can be asked about, looking again and again.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="what">What is waited for, for the failure's message.</param>
    /// <exception cref="WsAssertionException">It did not hold within 10 s of real time.</exception>
    public async Task UntilAsync(Func<bool> condition, string what)
    {
        ArgumentNullException.ThrowIfNull(condition);
        long start = Environment.TickCount64;
        while (!condition())
        {
            if (Environment.TickCount64 - start > 10_000)
            {
                throw new WsAssertionException($"It did not come about within 10 s: {what}.\n{_network.DescribeLog()}".TrimEnd());
            }

            await Task.Delay(1);
        }
    }

    /// <summary>
    /// Stops the application as its host would: hosted services end, and connections are closed with 1001. Where a peer does not answer, or a handler does not return, it takes until
    /// the clock has come to the timeouts for that.
    /// </summary>
    /// <exception cref="InvalidOperationException">The application was not started here.</exception>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        (_host ?? throw new InvalidOperationException("The application was not started here; whoever started it stops it.")).StopAsync(cancellationToken);

    /// <summary>Drops the peers that are still there and, where the application was started here, stops and disposes of it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (WsTestPeer peer in Peers)
        {
            await peer.DisposeAsync();
        }

        if (_host is null)
        {
            return;
        }

        // What still waits, waits for the clock, such as a shutdown's own timeout for a handler that hangs.
        Task stopped = _host.StopAsync();
        while (await Task.WhenAny(stopped, Task.Delay(s_stopStep)) != stopped)
        {
            await AdvanceAsync(TimeSpan.FromSeconds(1));
        }

        await stopped;
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
        else
        {
            _host.Dispose();
        }
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
