using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace PipeWs.Server;

/// <summary>Reads options from the application's configuration, where there is one: a section first, before code, and the environment's last word after it.</summary>
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

        ConfigureCompression(section.GetSection(nameof(options.Compression)), name, options);
    }

    public void Configure(PipeWsOptions options) => Configure(Options.DefaultName, options);

    public void PostConfigure(string? name, PipeWsOptions options)
    {
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

    // The binder turns it on by any key beneath it, and knows neither a plain word for on nor one for off.
    private static void ConfigureCompression(IConfigurationSection section, string? name, PipeWsOptions options)
    {
        foreach (IConfigurationSection key in (IConfigurationSection[])[section, section.GetSection(OptionKeys.Enabled)])
        {
            if (string.IsNullOrWhiteSpace(key.Value))
            {
                continue;
            }

            if (!bool.TryParse(key.Value, out bool isOn))
            {
                throw new OptionsValidationException(name ?? "", typeof(PipeWsOptions), [$"{key.Path} is '{key.Value}'; it must be true or false."]);
            }

            options.Compression = isOn ? options.Compression ?? new WsCompressionOptions() : null;
        }
    }
}
