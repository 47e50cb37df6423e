using Spectre.Console;

namespace PipeWs.LoadTest.Reports;

/// <summary>Where results go.</summary>
internal static class ReportConsole
{
    private const int RedirectedWidth = 160;

    /// <summary>The standard output; without colours, and wide, where it is not a terminal.</summary>
    public static IAnsiConsole Create()
    {
        bool redirected = Console.IsOutputRedirected;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (redirected)
        {
            console.Profile.Width = RedirectedWidth;
        }

        return console;
    }
}
