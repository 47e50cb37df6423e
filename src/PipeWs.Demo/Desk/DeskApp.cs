using PipeWs.Demo.Diagnostics;
using PipeWs.Demo.Following;
using PipeWs.Demo.Identity;
using PipeWs.Demo.Recording;

namespace PipeWs.Demo.Desk;

/// <summary>Puts the desk together.</summary>
public static class DeskApp
{
    /// <summary>Builds the desk, ready to run.</summary>
    /// <param name="args">The command line; see <see cref="DeskOptions"/>.</param>
    /// <param name="configure">Changes what a test wants otherwise, after the desk's own services were added.</param>
    /// <exception cref="FormatException">An option makes no sense; the message says which and why.</exception>
    /// <exception cref="IOException">The recording cannot be read, or the desk that is to be followed cannot be reached.</exception>
    public static async Task<WebApplication> BuildAsync(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        // The page and the recording lie beside the program, wherever it was started from.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = args,
            ApplicationName = typeof(DeskApp).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
            WebRootPath = "wwwroot",
        });
        var options = DeskOptions.From(builder.Configuration);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

        // A port that is taken is told in one line by whoever started the desk, not in forty by the host.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        if (!ListensSomewhere(builder.Configuration))
        {
            builder.WebHost.UseUrls(DeskOptions.DefaultUrl);
        }

        builder.Services.AddDeskHub();
        builder.Services.AddDesk(options, options.Follow is { } desk ? await FollowedSource.AskAsync(desk) : new RecordingSource(MarketRecording.Load(options.RecordingPath), options.Speed));
        builder.Services.AddDeskDiagnostics(builder.Configuration);
        if (options.Door == DeskDoor.Fast)
        {
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.UseDeskDoors());
        }

        configure?.Invoke(builder);
        var app = builder.Build();
        app.UseDeskPage();
        app.MapDeskLogin();
        app.MapDeskDiagnostics();
        if (options.Door == DeskDoor.Mapped)
        {
            app.MapDeskDoors();
        }

        return app;
    }

    private static bool ListensSomewhere(ConfigurationManager configuration) =>
        configuration["urls"] is { Length: > 0 } || configuration["http_ports"] is { Length: > 0 } || configuration["https_ports"] is { Length: > 0 }
        || configuration.GetSection("Kestrel:Endpoints").Exists();
}
