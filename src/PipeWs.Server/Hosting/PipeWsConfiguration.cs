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
        try
        {
            _configuration?.GetSection(OptionKeys.SectionOf(name)).Bind(options);
        }
        catch (InvalidOperationException e)
        {
            // It names the key, the value and the type.
            throw new OptionsValidationException(name ?? "", typeof(PipeWsOptions), [e.Message]);
        }
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
}
