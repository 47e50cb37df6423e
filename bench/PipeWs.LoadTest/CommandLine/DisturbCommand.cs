using System.CommandLine;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Disturb;
using PipeWs.LoadTest.Reports;

namespace PipeWs.LoadTest.CommandLine;

/// <summary><c>disturb</c>: what connections notice of others whose handlers throw, hang and flood.</summary>
internal static class DisturbCommand
{
    private static readonly Option<int> Rounds = LoadTestCommand.CreateNumber("--rounds", "How often it is measured undisturbed and then disturbed.", 5, 1, 100);
    private static readonly Option<double> Seconds = LoadTestCommand.CreateSeconds("--seconds", "How long each time.", 3, 0.1);
    private static readonly Option<int> Connections = LoadTestCommand.CreateNumber("--connections", "How many connections of each kind disturb.", 8, 1, 10_000);
    private static readonly Option<int> Rate = LoadTestCommand.CreateNumber("--rate", "How many requests a second each of them sends.", 20, 1, 100_000);
    private static readonly Option<string> TheDoor = ServeCommand.CreateDoor();

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("disturb", "Measures pipews' round trips with and without connections beside them whose handlers throw, hang and flood.") { Rounds, Seconds, Connections, Rate, TheDoor };
        command.SetAction(async (result, _) => await RunAsync(
            result.GetRequiredValue(TheDoor),
            url => new DisturbOptions(url, result.GetValue(Rounds), result.GetValue(Seconds), result.GetValue(Connections), result.GetValue(Rate))));
        return command;
    }

    private static async Task<int> RunAsync(string door, Func<Uri, DisturbOptions> options)
    {
        using var interruption = new Interruption();
        var errors = new List<string>();
        try
        {
            await using var serving = ChildProcess.Start(["serve", "--server", "pipews", "--port", "0", "--door", door], core: null, errors.Add);
            string? line = await serving.Output.ReadLineAsync(interruption.Token);
            if (line is null)
            {
                throw new InvalidOperationException($"The server did not start: {string.Join(' ', errors)}");
            }

            var url = new Uri("ws" + line["ready http".Length..] + "/json");
            DisturbResult result = await ProgressDisplay.RunAsync(progress => Task.Factory.StartNew(
                () => DisturbRun.Run(options(url), progress, interruption.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            DisturbReport.Write(result, ReportConsole.Create());
            return result.IsSound ? 0 : LoadTestCommand.ExitUnsound;
        }
        catch (OperationCanceledException)
        {
            return LoadTestCommand.ExitInterrupted;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or SocketException or ProtocolViolationException)
        {
            Console.Error.WriteLine(e.Message);
            return LoadTestCommand.ExitFailed;
        }
    }
}
