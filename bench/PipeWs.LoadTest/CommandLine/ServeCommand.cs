using System.CommandLine;
using PipeWs.LoadTest.Servers;

namespace PipeWs.LoadTest.CommandLine;

/// <summary><c>serve</c>: one server on 127.0.0.1 with <c>/echo</c>, <c>/echoz</c> and <c>/bcast</c>.</summary>
internal static class ServeCommand
{
    /// <summary>The servers by name.</summary>
    public static readonly IReadOnlyDictionary<string, ServerKind> Servers = new Dictionary<string, ServerKind>
    {
        ["pipews"] = ServerKind.PipeWs,
        ["aspnet"] = ServerKind.AspNet,
        ["signalr"] = ServerKind.SignalR,
        ["floor"] = ServerKind.Floor,
    };

    /// <summary>The doors by name.</summary>
    public static readonly IReadOnlyDictionary<string, Door> Doors = new Dictionary<string, Door>
    {
        ["fast"] = Door.Fast,
        ["mapped"] = Door.Mapped,
        ["handler"] = Door.Handler,
    };

    /// <summary>The schedulings by name.</summary>
    public static IReadOnlyDictionary<string, Scheduling> Schedulings { get; } = new Dictionary<string, Scheduling>
    {
        ["default"] = Scheduling.Default,
        ["inline"] = Scheduling.Inline,
    };

    /// <summary>The transports by name.</summary>
    public static IReadOnlyDictionary<string, TransportKind> Transports { get; } = new Dictionary<string, TransportKind>
    {
        ["sockets"] = TransportKind.Sockets,
        ["loops"] = TransportKind.Loops,
        ["epoll"] = TransportKind.Epoll,
    };

    private static readonly Option<string> Server = LoadTestCommand.CreateChoice("--server", "The server.", Servers.Keys);
    private static readonly Option<string> TheDoor = CreateDoor();
    private static readonly Option<string> TheScheduling =
        LoadTestCommand.CreateChoice("--scheduling", "Where sockets run what they wake: the thread pool, or the thread that waits for the kernel.", Schedulings.Keys, "default");
    private static readonly Option<string> TheTransport =
        LoadTestCommand.CreateChoice("--transport", "What is beneath Kestrel: the runtime's sockets, the event loops of PipeWs.Transport, or those without io_uring.", Transports.Keys, "sockets");
    private static readonly Option<int> Port = CreatePort();
    private static readonly Option<double> ShutdownSeconds =
        LoadTestCommand.CreateSeconds("--shutdown-seconds", "How long the host gives its connections at SIGTERM.", ServerOptions.DefaultShutdownSeconds, 0.1);
    private static readonly Option<int?> MaxMessageBytes = CreateMaxMessageBytes();

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("serve", "Serves /echo, /echoz (compressed) and /bcast on 127.0.0.1 and prints 'ready <url>' when it listens.")
        {
            Server, Port, TheDoor, TheScheduling, TheTransport, ShutdownSeconds, MaxMessageBytes,
        };
        command.SetAction(async (result, _) =>
        {
            try
            {
                await LoadServer.ServeAsync(GetOptions(result), Console.Out);
                return 0;
            }
            catch (Exception e) when (e is IOException or NotSupportedException)
            {
                Console.Error.WriteLine(e.Message);
                return LoadTestCommand.ExitFailed;
            }
        });
        return command;
    }

    /// <summary>What the command line asks for.</summary>
    public static ServerOptions GetOptions(ParseResult result) =>
        new(
            Servers[result.GetRequiredValue(Server)],
            result.GetValue(Port),
            Doors[result.GetRequiredValue(TheDoor)],
            Schedulings[result.GetRequiredValue(TheScheduling)],
            result.GetValue(ShutdownSeconds),
            result.GetValue(MaxMessageBytes),
            Transports[result.GetRequiredValue(TheTransport)]);

    /// <summary>The option that chooses the way into pipews.</summary>
    public static Option<string> CreateDoor() => LoadTestCommand.CreateChoice("--door", "The way into pipews.", Doors.Keys, "fast");

    private static Option<int?> CreateMaxMessageBytes()
    {
        var bytes = new Option<int?>("--max-message-bytes")
        {
            Description = $"The largest message taken. Default: {ServerOptions.DefaultMaxMessageBytes}. Where it is given, the server does not ping either, and has the patience of an hour: for conformance suites.",
        };
        bytes.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, out int value) && value < 1)
            {
                result.AddError($"--max-message-bytes is 1 to {int.MaxValue}, not {value}.");
            }
        });
        return bytes;
    }

    private static Option<int> CreatePort()
    {
        var port = new Option<int>("--port") { Description = "The port; 0 takes any that is free.", Required = true };
        LoadTestCommand.AddBounds(port, 0, 65535);
        return port;
    }
}
