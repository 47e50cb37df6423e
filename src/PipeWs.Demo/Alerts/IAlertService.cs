namespace PipeWs.Demo.Alerts;

/// <summary>Watches for what everybody should hear of. Every member is safe from any thread.</summary>
public interface IAlertService
{
    /// <summary>The newest alerts that went to everybody, the newest last.</summary>
    IReadOnlyList<DeskAlert> Recent { get; }
}
