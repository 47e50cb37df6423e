namespace PipeWs.LoadTest.EchoClient;

/// <summary>Which suite is asked, and under which name.</summary>
/// <param name="Url">Where the suite listens: ws or wss, host and port, and perhaps a path before the suite's own.</param>
/// <param name="Agent">The name it files the results under.</param>
internal sealed record EchoClientOptions(Uri Url, string Agent)
{
    /// <summary>Where the suite says how many cases it has.</summary>
    public Uri CaseCount => At("getCaseCount", "");

    /// <summary>Where it is told that all cases were run.</summary>
    public Uri UpdateReports => At("updateReports", $"agent={Uri.EscapeDataString(Agent)}");

    /// <summary>Where one case is run.</summary>
    /// <param name="number">From 1.</param>
    public Uri RunCase(int number) => At("runCase", $"case={number}&agent={Uri.EscapeDataString(Agent)}");

    private Uri At(string name, string query) => new UriBuilder(Url) { Path = Url.AbsolutePath.TrimEnd('/') + "/" + name, Query = query }.Uri;
}
