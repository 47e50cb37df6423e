using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Reports;

namespace PipeWs.LoadTest.CommandLine;

/// <summary><c>run</c>: a load against any server.</summary>
internal static class RunCommand
{
    private static readonly Dictionary<string, LoadMode> Modes = new() { ["echo"] = LoadMode.Echo, ["fanout"] = LoadMode.FanOut, ["idle"] = LoadMode.Idle, ["connect"] = LoadMode.Connect };
    private static readonly Dictionary<string, LoadProtocol> Protocols = new() { ["raw"] = LoadProtocol.Raw, ["signalr"] = LoadProtocol.SignalR };

    private static readonly Option<Uri> Url = CreateUrl();
    private static readonly Option<string> Mode = LoadTestCommand.CreateChoice("--mode", "The kind of load.", Modes.Keys);
    private static readonly Option<int?> Connections = new("--connections") { Description = "Connections. In connect: how many come and go at a time. Default: 64 in echo and connect, 1000 in fanout, 5000 in idle." };
    private static readonly Option<int> InFlight = LoadTestCommand.CreateNumber("--in-flight", "Echo: messages under way on each connection.", 1, 1, 100_000);
    private static readonly Option<int> Size = LoadTestCommand.CreateNumber("--size", $"The payload in bytes, at least {LoadStamp.Length}.", 128, LoadStamp.Length, LoadOptions.MaxPayloadBytes);
    private static readonly Option<double> Seconds = LoadTestCommand.CreateSeconds("--seconds", "How long is measured; in idle, how long the server may take to settle.", 10, 0.1);
    private static readonly Option<double> WarmUp = LoadTestCommand.CreateSeconds("--warmup", "How long the load runs before it is measured, in seconds; with --pid up to five times as long, until the server's compiler has done its work.", 3, 0);
    private static readonly Option<int?> Window = new("--window") { Description = "Fanout: messages of a publisher under way to the slowest subscriber. Default: 1." };
    private static readonly Option<double?> Rate = new("--rate") { Description = "Fanout: messages a second of all publishers together, instead of a window." };
    private static readonly Option<int> Publishers = LoadTestCommand.CreateNumber("--publishers", "Fanout: how many of the connections publish.", 1, 1, 1000);
    private static readonly Option<string> Protocol = LoadTestCommand.CreateChoice("--protocol", "What the messages hold.", Protocols.Keys, "raw");
    private static readonly Option<string> Type = LoadTestCommand.CreateChoice("--type", "The messages' type.", ["text", "binary"], "text");
    private static readonly Option<int?> ProcessId = new("--pid") { Description = "The server's process on this machine, for its CPU time and memory." };
    private static readonly Option<int?> Threads = new("--threads") { Description = "Threads that make the load. Default: half of the processors this process may use." };
    private static readonly Option<bool> Json = new("--json") { Description = "Prints the result as one line of JSON." };

    private static readonly Option<bool> OnRequest = new("--on-request")
    {
        Description = "Echo and fanout: says 'ready' after the warm-up and rests; then measures once for each line on the standard input, until it ends, and prints each result as a line of JSON.",
    };

    private static readonly Option<bool> Compact = new("--compact")
    {
        Description = "Idle: asks the server of --pid, which is one of 'serve', by SIGUSR1 to collect its garbage and give back what is free before its memory is read.",
    };

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("run", "Puts a server under load and measures it.")
        {
            Url, Mode, Connections, InFlight, Size, Seconds, WarmUp, Window, Rate, Publishers, Protocol, Type, ProcessId, Compact, Threads, Json, OnRequest,
        };
        command.SetAction(async (result, _) =>
        {
            if (FindContradiction(result) is { } contradiction)
            {
                Console.Error.WriteLine(contradiction);
                return LoadTestCommand.ExitUsage;
            }

            return await RunAsync(GetOptions(result), result.GetValue(Json), result.GetValue(OnRequest));
        });
        return command;
    }

    /// <summary>What the command line asks for.</summary>
    public static LoadOptions GetOptions(ParseResult result)
    {
        LoadMode mode = Modes[result.GetRequiredValue(Mode)];
        return new LoadOptions
        {
            Url = result.GetRequiredValue(Url),
            Mode = mode,
            Connections = result.GetValue(Connections) ?? GetDefaultConnections(mode),
            InFlight = result.GetValue(InFlight),
            PayloadBytes = result.GetValue(Size),
            Duration = TimeSpan.FromSeconds(result.GetValue(Seconds)),
            WarmUp = TimeSpan.FromSeconds(result.GetValue(WarmUp)),
            Window = result.GetValue(Window) ?? 1,
            Rate = result.GetValue(Rate),
            Publishers = result.GetValue(Publishers),
            Protocol = Protocols[result.GetRequiredValue(Protocol)],
            Binary = result.GetValue(Type) == "binary",
            ProcessId = result.GetValue(ProcessId),
            Compacts = result.GetValue(Compact),
            Threads = result.GetValue(Threads) ?? Math.Max(1, Environment.ProcessorCount / 2),
        };
    }

    private static int GetDefaultConnections(LoadMode mode) => mode switch
    {
        LoadMode.Echo or LoadMode.Connect => 64,
        LoadMode.FanOut => 1000,
        _ => 5000,
    };

    private static async Task<int> RunAsync(LoadOptions options, bool json, bool onRequest)
    {
        using var interruption = new Interruption();
        try
        {
            if (onRequest)
            {
                using var requests = new StreamReader(Console.OpenStandardInput());
                return await ProgressDisplay.RunAsync(progress => LoadRun.RunOnRequestAsync(options, requests, Console.Out, progress, interruption.Token))
                    ? 0
                    : LoadTestCommand.ExitUnsound;
            }

            LoadResult result = await ProgressDisplay.RunAsync(progress => LoadRun.RunAsync(options, progress, interruption.Token));
            if (json)
            {
                Console.Out.WriteLine(result.ToJson());
            }
            else
            {
                LoadReport.Write(result, ReportConsole.Create());
            }

            return result.IsSound ? 0 : LoadTestCommand.ExitUnsound;
        }
        catch (OperationCanceledException)
        {
            return LoadTestCommand.ExitInterrupted;
        }
        catch (Exception e) when (e is InvalidOperationException or SocketException or ProtocolViolationException)
        {
            Console.Error.WriteLine(e.InnerException is { } inner ? $"{e.Message} {inner.Message}" : e.Message);
            return LoadTestCommand.ExitFailed;
        }
    }

    private static Option<Uri> CreateUrl() => new("--url")
    {
        Description = "ws://host:port/path.",
        Required = true,
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out Uri? url) && url.Scheme == "ws")
            {
                return url;
            }

            result.AddError($"--url is a ws:// address (this client does not speak TLS), not '{result.Tokens[0].Value}'.");
            return null;
        },
    };

    /// <summary>Says what the options get wrong that the parser cannot know; null where it is nothing.</summary>
    public static string? FindContradiction(ParseResult result)
    {
        LoadOptions options = GetOptions(result);
        int? window = result.GetValue(Window);
        double? rate = result.GetValue(Rate);
        return options switch
        {
            { Connections: < 1 or > 1_000_000 } => "--connections is 1 to 1000000.",
            { Window: < 1 or > 100_000 } => "--window is 1 to 100000.",
            { Rate: not (null or (> 0 and <= 1_000_000)) } => "--rate is more than 0 and at most 1000000.",
            { Threads: < 1 or > 256 } => "--threads is 1 to 256.",
            _ when window is not null && rate is not null => "--window and --rate exclude each other.",
            { Mode: not LoadMode.FanOut } when window is not null || rate is not null => "--window and --rate belong to --mode fanout.",
            { Mode: not LoadMode.Echo } when result.GetResult(InFlight) is { Implicit: false } => "--in-flight belongs to --mode echo.",
            { Mode: LoadMode.FanOut } when options.Publishers > options.Connections => "--publishers are connections too: there cannot be more of them.",
            { Compacts: true } when options.Mode != LoadMode.Idle || options.ProcessId is null => "--compact belongs to --mode idle, and says nothing without --pid.",
            { Mode: not (LoadMode.Echo or LoadMode.FanOut) } when result.GetValue(OnRequest) => "--on-request belongs to --mode echo and fanout.",
            { Protocol: LoadProtocol.SignalR, Binary: true } => "SignalR's JSON protocol is text.",
            _ => null,
        };
    }
}
