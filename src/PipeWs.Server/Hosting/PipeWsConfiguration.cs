using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace PipeWs.Server;

/// <summary>Reads options from the application's configuration, where there is one: a section first, before code, and two last words after it: what turns compression off, and the environment's.</summary>
internal sealed class PipeWsConfiguration(IServiceProvider services) : IConfigureNamedOptions<PipeWsOptions>, IPostConfigureOptions<PipeWsOptions>
{
    private const string MaxConnectionsKey = "WEBSOCKET_MAX_CONNECTIONS";

    private readonly IConfiguration? _configuration = services.GetService<IConfiguration>();

    public void Configure(string? name, PipeWsOptions options)
    {
        if (_configuration?.GetSection(OptionKeys.SectionOf(name)) is not { } section)
        {
            return;
        }

        try
        {
            section.Bind(options);
        }
        catch (InvalidOperationException e)
        {
            // It names the key, the value and the type.
            throw new OptionsValidationException(name ?? "", typeof(PipeWsOptions), [e.Message]);
        }

        // The binder turns it on by any key beneath it, and knows neither a plain word for on nor one for off.
        if (ReadCompressionSwitch(FindCompression(name)!, name) == true)
        {
            options.Compression ??= new WsCompressionOptions();
        }
    }

    public void Configure(PipeWsOptions options) => Configure(Options.DefaultName, options);

    public void PostConfigure(string? name, PipeWsOptions options)
    {
        // Last, after code such as UseCompression, which only says that the application can do with it: whoever turns it off in the configuration means the application that is there.
        if (FindCompression(name) is { } compression && ReadCompressionSwitch(compression, name) == false)
        {
            options.Compression = null;
        }

        string? text = _configuration?[MaxConnectionsKey];
        if (string.IsNullOrWhiteSpace(text))
        {
            return;
        }

        if (!int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) || value < 1)
        {
            throw new OptionsValidationException(name ?? "", typeof(PipeWsOptions), [$"{MaxConnectionsKey} is '{text}'; it must be a number of connections between 1 and {int.MaxValue}."]);
        }

        options.MaxConnections = value;
    }

    /// <summary>What the section says of compression in a word; null where it says none.</summary>
    private static bool? ReadCompressionSwitch(IConfigurationSection section, string? name)
    {
        bool? isOn = null;
        foreach (IConfigurationSection key in (IConfigurationSection[])[section, section.GetSection(OptionKeys.Enabled)])
        {
            if (string.IsNullOrWhiteSpace(key.Value))
            {
                continue;
            }

            isOn = bool.TryParse(key.Value, out bool said)
                ? said
                : throw new OptionsValidationException(name ?? "", typeof(PipeWsOptions), [$"{key.Path} is '{key.Value}'; it must be true or false."]);
        }

        return isOn;
    }

    private IConfigurationSection? FindCompression(string? name) => _configuration?.GetSection(OptionKeys.SectionOf(name)).GetSection(nameof(PipeWsOptions.Compression));
}
