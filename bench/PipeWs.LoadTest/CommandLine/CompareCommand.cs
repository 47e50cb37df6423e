using System.CommandLine;
using System.ComponentModel;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Reports;

namespace PipeWs.LoadTest.CommandLine;

/// <summary><c>compare</c>: servers side by side.</summary>
internal static class CompareCommand
{
    private const int Rounds = 3;
    private const double Seconds = 5;
    private const double WarmUpSeconds = 3;
    private const double QuickSeconds = 2;
    private const double QuickWarmUpSeconds = 1;

    private static readonly Option<string[]> Servers = CreateList("--servers", "The servers, separated by commas", [.. ServeCommand.Servers.Keys]);
    private static readonly Option<string[]> Scenarios = CreateList("--scenarios", "The scenarios, by group (echo, bcast, idle) or name", [.. Scenario.All.Select(scenario => scenario.Group).Distinct()]);
    private static readonly Option<string> TheDoor = ServeCommand.CreateDoor();
    private static readonly Option<int?> RoundCount = new("--rounds") { Description = $"How often each server meets each scenario. Default: {Rounds}; 1 with --quick." };
    private static readonly Option<bool> Quick = new("--quick") { Description = "One short round: for a first look, not for a claim." };

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("compare", "Runs servers in turns under the same loads and prints what each costs.") { Servers, TheDoor, RoundCount, Scenarios, Quick };
        command.SetAction(async (result, _) =>
        {
            if (FindContradiction(result) is { } contradiction)
            {
                Console.Error.WriteLine(contradiction);
                return LoadTestCommand.ExitUsage;
            }

            return await RunAsync(GetOptions(result));
        });
        return command;
    }

    /// <summary>What the command line asks for.</summary>
    public static ComparisonOptions GetOptions(ParseResult result)
    {
        bool quick = result.GetValue(Quick);
        return new ComparisonOptions(
            SplitList(result.GetRequiredValue(Servers)),
            result.GetRequiredValue(TheDoor),
            Scenario.Choose(SplitList(result.GetRequiredValue(Scenarios))),
            result.GetValue(RoundCount) ?? (quick ? 1 : Rounds),
            quick ? QuickSeconds : Seconds,
            quick ? QuickWarmUpSeconds : WarmUpSeconds);
    }

    private static async Task<int> RunAsync(ComparisonOptions options)
    {
        using var interruption = new Interruption();
        try
        {
            string placement = "";
            ComparisonResult result = await ProgressDisplay.RunAsync(progress =>
            {
                var comparison = new Comparison(options, progress);
                placement = comparison.Placement;
                return comparison.RunAsync(interruption.Token);
            });
            ComparisonReport.Write(result, placement, ReportConsole.Create());
            return result.IsSound ? 0 : LoadTestCommand.ExitUnsound;
        }
        catch (OperationCanceledException)
        {
            return LoadTestCommand.ExitInterrupted;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            Console.Error.WriteLine(e.Message);
            return LoadTestCommand.ExitFailed;
        }
    }

    private static Option<string[]> CreateList(string name, string description, string[] defaultValue) => new(name)
    {
        Description = $"{description}. Default: {string.Join(',', defaultValue)}.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => defaultValue,
    };

    private static string[] SplitList(string[] values) =>
        [.. values.SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct()];

    /// <summary>Says what the options get wrong that the parser cannot know; null where it is nothing.</summary>
    public static string? FindContradiction(ParseResult result)
    {
        string[] servers = SplitList(result.GetRequiredValue(Servers));
        if (servers.Length == 0 || Array.Exists(servers, server => !ServeCommand.Servers.ContainsKey(server)))
        {
            return $"--servers are some of {string.Join(", ", ServeCommand.Servers.Keys)}.";
        }

        if (result.GetValue(RoundCount) is < 1 or > 100)
        {
            return "--rounds is 1 to 100.";
        }

        try
        {
            return Scenario.Choose(SplitList(result.GetRequiredValue(Scenarios))).Count == 0 ? "--scenarios names none." : null;
        }
        catch (ArgumentException e)
        {
            return e.Message;
        }
    }
}
