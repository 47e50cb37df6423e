namespace PipeWs.Server;

/// <summary>How <see cref="IWsHub.DrainAsync"/> empties a hub.</summary>
public sealed record WsDrainOptions
{
    /// <summary>Over how long the connections are closed, evenly. Default 30 s; zero closes all at once.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The longest hint: each connection is asked to come back after a time of its own between nothing and this, so that those closed together do not come back
    /// together. Default 5 s. In whole milliseconds on the wire.
    /// </summary>
    public TimeSpan ReconnectWindow { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The close code. Default 1012, the service restarts: clients reconnect after it.</summary>
    public ushort CloseCode { get; init; } = Protocol.Framing.CloseCode.ServiceRestart;

    internal void ThrowIfInvalid()
    {
        ThrowIfOutOfRange(Window, nameof(Window));
        ThrowIfOutOfRange(ReconnectWindow, nameof(ReconnectWindow));
        if (!Protocol.Framing.CloseCode.IsValidOnTheWire(CloseCode))
        {
            throw new ArgumentOutOfRangeException(nameof(CloseCode), CloseCode, "A close frame carries 1000-1003, 1007-1014 or 3000-4999 (RFC 6455, 7.4).");
        }
    }

    private static void ThrowIfOutOfRange(TimeSpan value, string name)
    {
        if (value < TimeSpan.Zero || value.TotalMilliseconds > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(name, value, "It must be between 00:00:00 and 24 days.");
        }
    }
}
