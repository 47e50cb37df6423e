using System.Net;
using System.Runtime.InteropServices;

namespace PipeWs.LoadTest.Servers;

/// <summary>Builds the servers with what they have in common: Kestrel on the loopback address, no log, and an end that waits no longer than it is told.</summary>
internal static class LoadServer
{
    /// <summary>Builds a server that is ready to be started.</summary>
    public static WebApplication Build(ServerOptions options) => options.Kind switch
    {
        ServerKind.AspNet => AspNetServer.Build(options),
        ServerKind.SignalR => SignalRServer.Build(options),
        ServerKind.PipeWs => PipeWsServer.Build(options),
        _ => throw new NotSupportedException($"This build has no server '{options.Kind}'."),
    };

    /// <summary>Serves until SIGTERM or SIGINT, and says on one line when it listens.</summary>
    public static async Task ServeAsync(ServerOptions options, TextWriter output)
    {
        using PosixSignalRegistration compaction = Compaction.Accept();
        if (options.Kind == ServerKind.Floor)
        {
            await ServeFloorAsync(options, output);
            return;
        }

        await using WebApplication application = Build(options);
        await application.StartAsync();
        await output.WriteLineAsync($"ready {application.Urls.First()}");
        await output.FlushAsync();
        await application.WaitForShutdownAsync();
    }

    private static async Task ServeFloorAsync(ServerOptions options, TextWriter output)
    {
        using var floor = new FloorServer(options.Port);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await output.WriteLineAsync($"ready http://127.0.0.1:{floor.Port}");
        await output.FlushAsync();
        floor.Run();

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            floor.Stop();
        }
    }

    /// <summary>What every server starts from.</summary>
    public static WebApplicationBuilder CreateBuilder(ServerOptions options)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        if (options.Scheduling == Scheduling.Inline)
        {
            builder.WebHost.EnableInlineSockets().UseMemoryBlocks().UseSockets(static sockets => sockets.UnsafePreferInlineScheduling = true);
        }

        if (options.Transport != TransportKind.Sockets)
        {
            builder.WebHost.UsePipeWsTransport(transport => transport.IoUring = options.Transport == TransportKind.Epoll ? PipeWsIoUringUse.Never : PipeWsIoUringUse.WhereAvailable);
        }

        // What goes wrong beneath the servers; what their handlers do wrong on purpose is not told.
        builder.Logging.ClearProviders()
            .SetMinimumLevel(LogLevel.None)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Warning)
            .AddFilter("PipeWs.Transport", LogLevel.Warning)
            .AddConsole(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.ShutdownSeconds));
        return builder;
    }

    /// <summary>Listens on 127.0.0.1.</summary>
    public static void Listen(this WebApplicationBuilder builder, int port) =>
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
}
