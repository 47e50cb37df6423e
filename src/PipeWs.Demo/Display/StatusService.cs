using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using PipeWs.Demo.Desk;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace PipeWs.Demo.Display;

/// <summary>Says on the console where the desk is and how it is doing: live on a terminal, a line every ten seconds into a file.</summary>
public sealed class StatusService(
    DeskStatus status, IServer server, IAnsiConsole console, TimeProvider time, IHostApplicationLifetime lifetime) : BackgroundService
{
    private static readonly TimeSpan s_liveInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await StartedAsync(stoppingToken);
            WriteAddresses();
            if (console.Profile.Capabilities.Interactive && console.Profile.Capabilities.Ansi)
            {
                await console.Live(Render(status.Look())).StartAsync(async live =>
                {
                    while (true)
                    {
                        await Task.Delay(s_liveInterval, time, stoppingToken);
                        live.UpdateTarget(Render(status.Look()));
                    }
                });
            }

            while (true)
            {
                await Task.Delay(s_plainInterval, time, stoppingToken);
                await console.Profile.Out.Writer.WriteLineAsync(status.Look().Line.AsMemory(), stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private static Grid Render(StatusView view)
    {
        var grid = new Grid().AddColumn(new GridColumn().PadRight(2)).AddColumn();
        grid.AddRow(new Markup("[grey]connections[/]"), new Markup($"[bold]{view.Connections}[/]"));
        grid.AddRow(
            new Markup("[grey]messages[/]"),
            new Markup($"[bold]{view.PublishedPerSecond:0}[/] published/s   [bold]{view.DeliveredPerSecond:0}[/] delivered/s"));
        grid.AddRow(new Markup("[grey]feed[/]"), new Markup(Markup.Escape(view.Replay)));
        IRenderable prices = new Markup(string.Join("   ", view.Quotes.Select(quote =>
        {
            bool isDown = quote.Quote.Statistics?.Change < 0;
            return $"{quote.Pair} [bold {(isDown ? "red" : "green")}]{StatusView.Price(quote.Quote)}[/]";
        })));
        grid.AddRow(new Markup("[grey]prices[/]"), prices);
        return grid;
    }

    private async Task StartedAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onStarted = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    private void WriteAddresses()
    {
        var addresses = server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var output = console.Profile.Out.Writer;
        foreach (string address in addresses)
        {
            string socket = address.Replace("http", "ws", StringComparison.Ordinal);
            output.WriteLine($"Market desk: {address}");
            output.WriteLine($"Sockets:     {string.Join("  ", DeskOptions.SocketPaths.Select(path => socket + path))}");
        }

        output.WriteLine("Ctrl+C ends it. --help shows the options.");
        output.Flush();
    }
}
