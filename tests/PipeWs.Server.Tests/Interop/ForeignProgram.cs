using System.ComponentModel;
using System.Diagnostics;

namespace PipeWs.Server.Tests.Interop;

/// <summary>A client in another language. Where its program is missing the test skips and says what to install; under CI, where all is installed, it fails.</summary>
internal static class ForeignProgram
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs a program to its end and gives the lines it printed.</summary>
    public static async Task<string[]> RunAsync(string program, string install, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            string reason = $"{program} is not installed: {install}";
            Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), reason);
            Assert.Skip(reason);
            throw;
        }

        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            try
            {
                await process.WaitForExitAsync().WaitAsync(s_patience);
            }
            catch (TimeoutException)
            {
                process.Kill();
                Assert.Fail($"{program} did not come to its end. {await output}{await errors}");
            }

            Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}. {await output}{await errors}");
            return (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
    }
}
