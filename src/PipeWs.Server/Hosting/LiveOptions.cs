using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace PipeWs.Server;

/// <summary>
/// A hub's options as they are now. When the configuration changes they are made anew and judged as at the start: what is good is taken, and what is not leaves the old ones
/// as they were, with a line in the log. A keyed singleton under the hub's name.
/// </summary>
/// <remarks>
/// Not IOptionsMonitor's own notice of changes: where a change is not valid, that throws into whoever reloaded the configuration, which ends a file watcher.
/// </remarks>
internal sealed partial class LiveOptions : IDisposable
{
    private readonly string _name;
    private readonly IOptionsFactory<PipeWsOptions> _factory;
    private readonly IOptionsMonitorCache<PipeWsOptions> _cache;
    private readonly ILogger _logger;
    private readonly List<IDisposable> _registrations = [];
    private readonly Lock _lock = new();
    private volatile PipeWsOptions _current;

    public LiveOptions(IServiceProvider services, string name)
    {
        _name = name;
        _factory = services.GetRequiredService<IOptionsFactory<PipeWsOptions>>();
        _cache = services.GetRequiredService<IOptionsMonitorCache<PipeWsOptions>>();
        _logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("PipeWs.Server.Hosting");
        _current = services.GetRequiredService<IOptionsMonitor<PipeWsOptions>>().Get(name);
        if (services.GetService<IConfiguration>() is { } configuration)
        {
            _registrations.Add(ChangeToken.OnChange(configuration.GetReloadToken, Reload));
        }

        // Of options that the application binds to a section of its own.
        foreach (IOptionsChangeTokenSource<PipeWsOptions> source in services.GetServices<IOptionsChangeTokenSource<PipeWsOptions>>())
        {
            if (source.Name is null || source.Name == name)
            {
                _registrations.Add(ChangeToken.OnChange(source.GetChangeToken, Reload));
            }
        }
    }

    /// <summary>The options. Not to be changed.</summary>
    public PipeWsOptions Current => _current;

    /// <summary>Takes up changed options before anybody else sees them. One that throws leaves the old ones in place. Set once, before the first change.</summary>
    public Action<PipeWsOptions>? Apply { get; set; }

    public void Dispose() => _registrations.ForEach(static registration => registration.Dispose());

    private void Reload()
    {
        lock (_lock)
        {
            try
            {
                PipeWsOptions changed = _factory.Create(_name);
                OptionKey[] keys = [.. OptionKeys.All.Where(key => key.Read(changed) != key.Read(_current))];
                if (keys.Length == 0)
                {
                    return;
                }

                Apply?.Invoke(changed);
                PipeWsOptions before = _current;
                _current = changed;
                _cache.TryRemove(_name);
                _cache.TryAdd(_name, changed);
                foreach (OptionKey key in keys)
                {
                    string section = OptionKeys.SectionOf(_name);
                    string was = key.Read(before);
                    string isNow = key.Read(changed);
                    LogChanged(_logger, section, key.Name, was, isNow, key.Effect);
                }
            }
            catch (Exception e)
            {
                LogNotTaken(_logger, OptionKeys.SectionOf(_name), e.Message);
            }
        }
    }

    [LoggerMessage(EventId = 2320, EventName = "OptionChanged", Level = LogLevel.Information, Message = "{Section}:{Key} changed from '{Before}' to '{After}', which takes effect: {Effect}")]
    private static partial void LogChanged(ILogger logger, string section, string key, string before, string after, OptionEffect effect);

    [LoggerMessage(EventId = 2321, EventName = "OptionsNotTaken", Level = LogLevel.Error, Message = "A change of {Section} is not valid, and all stays as it was: {Why}")]
    private static partial void LogNotTaken(ILogger logger, string section, string why);
}
