using PipeWs.Client.Tests.Support;
using PipeWs.LoadTest.EchoClient;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.Tests.EchoClient;

/// <summary>A small suite: it says how many cases it has, runs them one at a time, and keeps what was asked of it.</summary>
internal sealed class ScriptedSuite : ILoadProgress, IAsyncDisposable
{
    private readonly Func<ServerPeer, Task>[] _cases;
    private readonly ScriptedServer _server;

    public ScriptedSuite(params Func<ServerPeer, Task>[] cases)
    {
        _cases = cases;
        _server = ScriptedServer.Listen(ServeAsync);
        Options = new EchoClientOptions(new Uri(_server.Uri, "/"), "the agent");
    }

    public EchoClientOptions Options { get; }

    /// <summary>What it says instead of the number of its cases.</summary>
    public string? CaseCount { get; init; }

    /// <summary>The targets that were asked for, in order.</summary>
    public List<string> Targets { get; } = [];

    /// <summary>What the client reported of each case.</summary>
    public List<string> Reports { get; } = [];

    public Task<EchoClientResult> RunAsync() => EchoClientRun.RunAsync(Options, this, TestContext.Current.CancellationToken);

    public void Report(string what) => Reports.Add(what);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.Empty(_server.Failures);
    }

    private async Task ServeAsync(ServerPeer peer)
    {
        await peer.ReadRequestAsync();
        lock (Targets)
        {
            Targets.Add(peer.Target);
        }

        if (peer.Target.StartsWith("/runCase?case=", StringComparison.Ordinal))
        {
            int number = int.Parse(peer.Target["/runCase?case=".Length..peer.Target.IndexOf('&', StringComparison.Ordinal)], System.Globalization.CultureInfo.InvariantCulture);
            await _cases[number - 1](peer);
            return;
        }

        await peer.WriteAsync(peer.Answer());
        if (peer.Target == "/getCaseCount")
        {
            await peer.SendTextAsync(CaseCount ?? $"{_cases.Length}");
        }

        await peer.CloseAsync(1000);
    }
}
