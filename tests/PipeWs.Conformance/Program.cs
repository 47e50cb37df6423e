using PipeWs.Conformance.Matrix;

namespace PipeWs.Conformance;

/// <summary>Prints the matrix where the first argument is <c>matrix</c>; runs the tests otherwise.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => args switch
    {
        ["matrix", .. string[] options] => MatrixCommand.RunAsync(options),
        _ => Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
    };
}
