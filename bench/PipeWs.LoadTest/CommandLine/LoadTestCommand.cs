using System.CommandLine;

namespace PipeWs.LoadTest.CommandLine;

/// <summary>The program's command line.</summary>
internal static class LoadTestCommand
{
    /// <summary>Exit code: the load ran, but messages were lost or wrong, or a server failed.</summary>
    public const int ExitUnsound = 1;

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
    };

    /// <summary>Parses the value of an option that has a few names.</summary>
    public static Option<T> CreateChoice<T>(string name, string description, IReadOnlyDictionary<string, T> choices, T? defaultValue = null)
        where T : struct
    {
        var option = new Option<T>(name)
        {
            Description = $"{description}: {string.Join(", ", choices.Keys)}.",
            HelpName = string.Join('|', choices.Keys),
            CustomParser = result =>
            {
                if (choices.TryGetValue(result.Tokens[0].Value, out T value))
                {
                    return value;
                }

                result.AddError($"{name} is one of {string.Join(", ", choices.Keys)}, not '{result.Tokens[0].Value}'.");
                return default;
            },
        };
        if (defaultValue is { } value)
        {
            option.DefaultValueFactory = _ => value;
        }
        else
        {
            option.Required = true;
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
