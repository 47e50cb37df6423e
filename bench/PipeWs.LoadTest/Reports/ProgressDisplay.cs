using PipeWs.LoadTest.Load;
using Spectre.Console;

namespace PipeWs.LoadTest.Reports;

/// <summary>Shows what happens on the standard error stream: a line that is rewritten on a terminal, plain lines elsewhere.</summary>
internal static class ProgressDisplay
{
    /// <summary>Runs an operation and shows its progress.</summary>
    public static async Task<T> RunAsync<T>(Func<ILoadProgress, Task<T>> operation)
    {
        if (Console.IsErrorRedirected)
        {
            return await operation(new PlainProgress(Console.Error));
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Status().Spinner(Spinner.Known.Dots).StartAsync("connecting", context => operation(new StatusProgress(context)));
    }

    private sealed class PlainProgress(TextWriter output) : ILoadProgress
    {
        public void Report(string what) => output.WriteLine(what);
    }

    private sealed class StatusProgress(StatusContext context) : ILoadProgress
    {
        public void Report(string what) => context.Status(Markup.Escape(what));
    }
}
