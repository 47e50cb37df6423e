using PipeWs.Fuzz.Coverage;
using PipeWs.Fuzz.Engine;
using PipeWs.Fuzz.Instrumentation;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace PipeWs.Fuzz;

/// <summary>
/// <c>--target frames --seconds 60</c> fuzzes; <c>--coverage</c> counts branches; anything else is a run of the tests.
/// </summary>
public static class Program
{
    /// <returns>0 where nothing was found; 1 where something was; 2 where the arguments are not understood.</returns>
    public static int Main(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args.Contains("--target"))
        {
            if (!FuzzOptions.TryParse(args, out FuzzOptions? options, out string error))
            {
                Console.Error.WriteLine(error);
                return 2;
            }

            return InstrumentedContext.Create().Run(args);
        }

        if (args.Contains("--coverage"))
        {
            return CoverageCommand.Run();
        }

        return args.Any(static arg => arg is "--server" or "--internal-msbuild-node")
            ? TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions).GetAwaiter().GetResult()
            : ConsoleRunner.Run(args).GetAwaiter().GetResult();
    }
}
