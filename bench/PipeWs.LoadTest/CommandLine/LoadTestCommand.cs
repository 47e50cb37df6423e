using System.CommandLine;

namespace PipeWs.LoadTest.CommandLine;

/// <summary>The program's command line.</summary>
internal static class LoadTestCommand
{
    /// <summary>Exit code: the options contradict each other; the parser's own errors give the same.</summary>
    public const int ExitUsage = 1;

    /// <summary>Exit code: the load ran, but messages were lost or wrong, or a server failed.</summary>
    public const int ExitUnsound = 3;

    /// <summary>Exit code: the load could not be made.</summary>
    public const int ExitFailed = 2;

    /// <summary>Exit code: interrupted.</summary>
    public const int ExitInterrupted = 130;

    /// <summary>Creates the root command.</summary>
    public static RootCommand Create() => new("Whole WebSocket servers side by side under load.")
    {
        ServeCommand.Create(),
        RunCommand.Create(),
        CompareCommand.Create(),
        DisturbCommand.Create(),
        EchoClientCommand.Create(),
    };

    /// <summary>An option that takes one of a few names; required where it has no default.</summary>
    public static Option<string> CreateChoice(string name, string description, IEnumerable<string> choices, string? defaultValue = null)
    {
        var option = new Option<string>(name) { Description = description };
        option.AcceptOnlyFromAmong([.. choices]);
        if (defaultValue is null)
        {
            option.Required = true;
        }
        else
        {
            option.DefaultValueFactory = _ => defaultValue;
        }

        return option;
    }

    /// <summary>An option with a whole number within bounds.</summary>
    public static Option<int> CreateNumber(string name, string description, int defaultValue, int min, int max)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => defaultValue };
        AddBounds(option, min, max);
        return option;
    }

    /// <summary>Refuses values out of bounds.</summary>
    public static void AddBounds(Option<int> option, int min, int max) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, out int value) && (value < min || value > max))
        {
            result.AddError($"{option.Name} is {min} to {max}, not {value}.");
        }
    });

    /// <summary>An option with seconds, fractions allowed.</summary>
    public static Option<double> CreateSeconds(string name, string description, double defaultValue, double min)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => defaultValue };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, System.Globalization.CultureInfo.InvariantCulture, out double value) && !(value >= min && value <= 86400))
            {
                result.AddError($"{name} is {min} to 86400 seconds, not {result.Tokens[0].Value}.");
            }
        });
        return option;
    }
}
