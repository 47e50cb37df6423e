using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;
using PipeWs.Server.Hubs;

namespace PipeWs.Testing;

/// <summary>All the links in memory to the hubs of one application, and whether anything happens on them.</summary>
internal sealed class MemoryNetwork
{
    private const int FirstPort = 49152;
    private const int YieldsBeforeSleep = 64;

    private static readonly ConditionalWeakTable<WsHeartbeat, MemoryNetwork> s_networks = [];
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly List<MemoryLink> _links = [];
    private readonly HashSet<Hub> _hubs = [];
    private int _ports;

    /// <summary>How long in real time a handler is waited for that waits for something else itself, once each time.</summary>
    public TimeSpan HandlerPatience { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>What the application logged; null where it is not kept.</summary>
    public WsTestLog? Log { get; set; }

    /// <summary>The network of an application: the same for every server and peer that is made from its services.</summary>
    public static MemoryNetwork Of(IServiceProvider services) => s_networks.GetOrCreateValue(services.GetRequiredService<WsHeartbeat>());

    public MemoryLink Connect(IWsHub hub, IPAddress address, bool isSecure, int windowBytes)
    {
        var remote = new IPEndPoint(address, FirstPort + (Interlocked.Increment(ref _ports) % (ushort.MaxValue - FirstPort)));
        var local = new IPEndPoint(IPAddress.Loopback, isSecure ? 443 : 80);
        var link = new MemoryLink(this, hub, remote, local, windowBytes);
        lock (_gate)
        {
            _links.RemoveAll(static ended => ended.Served.IsCompleted);
            _links.Add(link);
            if (hub is Hub real)
            {
                _hubs.Add(real);
            }
        }

        return link;
    }

    /// <summary>
    /// Completes when every hub has done all that it does without more coming or time passing: every connection waits for its peer, and every room's members have been
    /// offered what was published. A handler that waits for something else is waited for no longer than <see cref="HandlerPatience"/>.
    /// </summary>
    /// <exception cref="WsAssertionException">It goes on and on for 30 s.</exception>
    public async Task WhenIdleAsync()
    {
        long start = Environment.TickCount64;
        for (int tries = 0; ; tries++)
        {
            // Through the pool's queue once, so that what was put there before has begun.
            await ThroughPoolAsync().ConfigureAwait(false);

            // Twice: what one connection did while another was looked at shows in the versions.
            if (TryGetIdleVersion(out long before) && TryGetIdleVersion(out long after) && before == after)
            {
                return;
            }

            if (Environment.TickCount64 - start > s_patience.TotalMilliseconds)
            {
                throw new WsAssertionException($"The hub was busy for {s_patience} without a pause: peers and handlers keep each other going.");
            }

            if (tries > YieldsBeforeSleep)
            {
                await Task.Delay(1).ConfigureAwait(false);
            }
        }
    }

    public string DescribeLog() => Log is null ? "" : Log.Describe();

    private static Task ThroughPoolAsync()
    {
        var through = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ThreadPool.UnsafeQueueUserWorkItem(static state => state.TrySetResult(), through, preferLocal: false);
        return through.Task;
    }

    private bool TryGetIdleVersion(out long version)
    {
        version = 0;
        lock (_gate)
        {
            foreach (Hub hub in _hubs)
            {
                if (!hub.IsFanOutIdle)
                {
                    return false;
                }
            }

            bool isIdle = true;
            foreach (MemoryLink link in _links)
            {
                isIdle &= link.IsIdleOrStuck(HandlerPatience);
                version += link.Version;
            }

            return isIdle;
        }
    }
}
