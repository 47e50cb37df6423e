namespace PipeWs.Server.Hosting;

/// <summary>The hub as its doors see it.</summary>
internal interface IHubEntrance
{
    IDisposable? TryReserve(out string? refusal);

    Task RunAsync(AcceptedConnection accepted);
}
