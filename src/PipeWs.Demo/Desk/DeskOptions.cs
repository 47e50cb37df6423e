using System.Globalization;

namespace PipeWs.Demo.Desk;

/// <summary>Which way sockets come in.</summary>
public enum DeskDoor
{
    /// <summary>Connection middleware, before HTTP. The default.</summary>
    Fast,

    /// <summary>Ordinary endpoints.</summary>
    Mapped,
}

/// <summary>What can be set about the desk, and how it is when nothing is set.</summary>
public sealed record DeskOptions
{
    /// <summary>Where the desk listens when nobody says otherwise.</summary>
    public const string DefaultUrl = "http://127.0.0.1:8080";

    /// <summary>Where sockets are opened.</summary>
    public static readonly IReadOnlyList<string> SocketPaths = ["/ws", "/api/v1/ws"];

    /// <summary>The recording's seconds per second, more than 0.0001 and at most 1,000. Default 1. <c>--speed</c></summary>
    public double Speed { get; init; } = 1;

    /// <summary>Which way sockets come in. Default fast. <c>--door fast|mapped</c></summary>
    public DeskDoor Door { get; init; } = DeskDoor.Fast;

    /// <summary>The recording's file. Default: the one that comes with the desk. <c>--recording</c></summary>
    public string RecordingPath { get; init; } = Path.Combine(AppContext.BaseDirectory, "Data", "binance-spot-2024-08-08.txt.gz");

    /// <summary>The socket of another desk, whose market is taken instead of a recording's. Default none. <c>--follow</c></summary>
    public Uri? Follow { get; init; }

    /// <summary>Whether the status is shown on the console. Default true. <c>--status</c></summary>
    public bool ShowsStatus { get; init; } = true;

    /// <summary>How far back the statistics reach, in the market's time. Default 5 minutes.</summary>
    public TimeSpan StatisticsWindow { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Within which time a price's move raises an alert, in the market's time. Default 10 seconds. <c>--alert-seconds</c></summary>
    public TimeSpan AlertWindow { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How far a price must move to raise an alert, in percent. Default 0.1. <c>--alert-percent</c></summary>
    public decimal AlertThresholdPercent { get; init; } = 0.1m;

    /// <summary>How often a subscribed portfolio is pushed. Default 5 seconds.</summary>
    public TimeSpan PortfolioInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What every user begins with, in USDT. Default 100,000.</summary>
    public decimal StartingCash { get; init; } = 100_000;

    /// <summary>At most so many portfolios in memory. Default 100,000.</summary>
    public int MaxUsers { get; init; } = 100_000;

    /// <summary>How long the token of a user who logs in is good. Default 5 minutes. <c>--token-seconds</c></summary>
    public TimeSpan TokenLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Reads the options from the command line, the environment and settings files.</summary>
    /// <exception cref="FormatException">A value makes no sense; the message says which and why.</exception>
    public static DeskOptions From(IConfiguration configuration)
    {
        var defaults = new DeskOptions();
        return defaults with
        {
            Speed = Number(configuration, "speed", defaults.Speed, 0.0001, 1_000),
            Door = configuration["door"] switch
            {
                null => defaults.Door,
                var text when text.Equals("fast", StringComparison.OrdinalIgnoreCase) => DeskDoor.Fast,
                var text when text.Equals("mapped", StringComparison.OrdinalIgnoreCase) => DeskDoor.Mapped,
                var text => throw new FormatException($"--door {text}: it is fast or mapped."),
            },
            RecordingPath = configuration["recording"] ?? defaults.RecordingPath,
            Follow = Followed(configuration),
            ShowsStatus = configuration["status"] switch
            {
                null => defaults.ShowsStatus,
                var text when bool.TryParse(text, out bool shows) => shows,
                var text => throw new FormatException($"--status {text}: it is true or false."),
            },
            AlertWindow = TimeSpan.FromSeconds(Number(configuration, "alert-seconds", defaults.AlertWindow.TotalSeconds, 0.001, 3_600)),
            TokenLifetime = TimeSpan.FromSeconds(Number(configuration, "token-seconds", defaults.TokenLifetime.TotalSeconds, 0, 86_400)),
            AlertThresholdPercent = (decimal)Number(configuration, "alert-percent", (double)defaults.AlertThresholdPercent, 0, 100),
        };
    }

    /// <summary>A desk's page or its socket, as people have either at hand.</summary>
    private static Uri? Followed(IConfiguration configuration)
    {
        if (configuration["follow"] is not { } text)
        {
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https" or "ws" or "wss"))
        {
            throw new FormatException($"--follow {text}: it is the address of another desk, such as {DefaultUrl} or ws://127.0.0.1:8080{SocketPaths[0]}.");
        }

        if (configuration["speed"] is not null || configuration["recording"] is not null)
        {
            throw new FormatException("--follow takes another desk's market as it comes: leave out --speed and --recording.");
        }

        string scheme = uri.Scheme is "https" or "wss" ? "wss" : "ws";
        return new UriBuilder(uri) { Scheme = scheme, Port = uri.Port, Path = uri.AbsolutePath is "/" ? SocketPaths[0] : uri.AbsolutePath }.Uri;
    }

    private static double Number(IConfiguration configuration, string name, double fallback, double moreThan, double atMost)
    {
        if (configuration[name] is not { } text)
        {
            return fallback;
        }

        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(value > moreThan) || value > atMost)
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"--{name} {text}: it is a number, more than {moreThan} and at most {atMost}."));
        }

        return value;
    }
}
