using System.CommandLine;
using System.CommandLine.Parsing;
using System.ComponentModel;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Reports;
using Spectre.Console;

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
    private static readonly Option<string> TheDoor = CreateDoor();
    private static readonly Option<int?> RoundCount = new("--rounds") { Description = $"How often each server meets each scenario. Default: {Rounds}; 1 with --quick." };
    private static readonly Option<bool> Quick = new("--quick") { Description = "One short round: for a first look, not for a claim." };

    /// <summary>Creates the command.</summary>
    public static Command Create()
    {
        var command = new Command("compare", "Runs servers in turns under the same loads and prints what each costs.") { Servers, TheDoor, RoundCount, Scenarios, Quick };
        command.Validators.Add(Validate);
        command.SetAction((result, _) => RunAsync(GetOptions(result)));
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
            ComparisonReport.Write(result, placement, AnsiConsole.Console);
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

    private static Option<string> CreateDoor()
    {
        var door = new Option<string>("--door") { Description = "The way into pipews.", DefaultValueFactory = _ => "fast" };
        door.AcceptOnlyFromAmong([.. ServeCommand.Doors.Keys]);
        return door;
    }

    private static string[] SplitList(string[] values) =>
        [.. values.SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct()];

    private static void Validate(CommandResult result)
    {
        if (result.Errors.Any())
        {
            return;
        }

        string[] servers = SplitList(result.GetRequiredValue(Servers));
        if (servers.Length == 0 || Array.Find(servers, server => !ServeCommand.Servers.ContainsKey(server)) is not null)
        {
            result.AddError($"--servers are some of {string.Join(", ", ServeCommand.Servers.Keys)}.");
        }

        string[] scenarios = SplitList(result.GetRequiredValue(Scenarios));
        try
        {
            if (scenarios.Length == 0 || Scenario.Choose(scenarios).Count == 0)
            {
                result.AddError("--scenarios names none.");
            }
        }
        catch (ArgumentException e)
        {
            result.AddError(e.Message);
        }

        if (result.GetValue(RoundCount) is < 1 or > 100)
        {
            result.AddError("--rounds is 1 to 100.");
        }
    }
}
