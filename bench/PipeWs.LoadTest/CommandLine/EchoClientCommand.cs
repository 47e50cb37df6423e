using System.CommandLine;
using PipeWs.Client;
using PipeWs.LoadTest.EchoClient;
using PipeWs.LoadTest.Reports;

namespace PipeWs.LoadTest.CommandLine;

/// <summary><c>echo-client</c>: echoes through the cases of a conformance suite.</summary>
internal static class EchoClientCommand
{
    private static readonly Argument<Uri> Url = CreateUrl();
    private static readonly Option<string> Agent = new("--agent") { Description = "The name the suite files the results under.", DefaultValueFactory = _ => "PipeWs" };

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("echo-client", "Asks a suite /getCaseCount, echoes through /runCase?case=N&agent=NAME one by one, and ends with /updateReports?agent=NAME.") { Url, Agent };
        command.SetAction((result, _) => RunAsync(GetOptions(result)));
        return command;
    }

    /// <summary>What the command line asks for.</summary>
    public static EchoClientOptions GetOptions(ParseResult result) => new(result.GetRequiredValue(Url), result.GetRequiredValue(Agent));

    private static async Task<int> RunAsync(EchoClientOptions options)
    {
        using var interruption = new Interruption();
        try
        {
            EchoClientResult result = await ProgressDisplay.RunAsync(progress => EchoClientRun.RunAsync(options, progress, interruption.Token));
            Console.Out.WriteLine(result.Unopened.Count == 0 ? $"{result.Cases} cases were run." : $"{result.Cases} cases were run, but for {string.Join(", ", result.Unopened)}.");
            return result.Unopened.Count == 0 ? 0 : LoadTestCommand.ExitUnsound;
        }
        catch (OperationCanceledException)
        {
            return LoadTestCommand.ExitInterrupted;
        }
        catch (Exception e) when (e is WsDialException or InvalidDataException)
        {
            Console.Error.WriteLine(e.Message);
            return LoadTestCommand.ExitFailed;
        }
    }

    private static Argument<Uri> CreateUrl() => new("url")
    {
        Description = "Where the suite listens, such as ws://127.0.0.1:9001.",
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out Uri? url) && url is { Scheme: "ws" or "wss", Query: "", Fragment: "" })
            {
                return url;
            }

            result.AddError($"The suite's address is ws:// or wss:// and host, with no query, not '{result.Tokens[0].Value}'.");
            return null!;
        },
    };
}
