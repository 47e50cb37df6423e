using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server;

/// <summary>Looks for keys in the hubs' sections that nobody reads: a limit that is misspelt would be no limit.</summary>
internal static partial class UnknownKeys
{
    /// <summary>Logs a warning for each.</summary>
    public static void Warn(IConfiguration configuration, IReadOnlyCollection<string> hubs, ILogger logger)
    {
        foreach (string hub in hubs)
        {
            string section = OptionKeys.SectionOf(hub);
            WarnOf(configuration.GetSection(section), section, "", hub.Length == 0, logger);
        }

        string named = $"{PipeWsOptions.SectionName}:{OptionKeys.Hubs}";
        foreach (IConfigurationSection unused in configuration.GetSection(named).GetChildren().Where(child => !hubs.Contains(child.Key, StringComparer.OrdinalIgnoreCase)))
        {
            LogUnknown(logger, $"{named}:{unused.Key}", Hint(OptionKeys.NearestTo(unused.Key, hubs.Where(static hub => hub.Length > 0))));
        }
    }

    private static void WarnOf(IConfigurationSection section, string path, string prefix, bool hasHubs, ILogger logger)
    {
        string[] known =
        [
            .. OptionKeys.All.Where(key => key.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Select(key => key.Name[prefix.Length..].Split(':')[0]).Distinct(),
            .. hasHubs ? [OptionKeys.Hubs] : Array.Empty<string>(),
        ];
        foreach (IConfigurationSection child in section.GetChildren())
        {
            if (!known.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                LogUnknown(logger, $"{path}:{child.Key}", Hint(OptionKeys.NearestTo(child.Key, known)));
            }
            else if (prefix.Length == 0 && OptionKeys.All.Any(key => key.Name.StartsWith(child.Key + ":", StringComparison.OrdinalIgnoreCase)))
            {
                WarnOf(child, $"{path}:{child.Key}", child.Key + ":", hasHubs: false, logger);
            }
        }
    }

    private static string Hint(string? nearest) => nearest is null ? "" : $"; did you mean {nearest}?";

    [LoggerMessage(EventId = 2322, EventName = "UnknownKey", Level = LogLevel.Warning, Message = "The configuration has {Key}, which PipeWs does not know{Hint}")]
    private static partial void LogUnknown(ILogger logger, string key, string hint);
}
