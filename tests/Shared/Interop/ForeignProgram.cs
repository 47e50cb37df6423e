using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace PipeWs.Shared;

/// <summary>A client in another language. Where its program is missing the test skips and says what to install; under CI, where all is installed, it fails.</summary>
internal static class ForeignProgram
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs the subscriber in JavaScript.</summary>
    /// <param name="url">Where to.</param>
    /// <param name="topic">The room.</param>
    /// <param name="count">The number of the message after which it asks, is answered, and closes.</param>
    /// <param name="isPlain">Not with Node's own WebSocket but with ours in plain JavaScript, which also stands in where Node has none yet.</param>
    public static async Task<string[]> RunNodeAsync(string url, string topic, int count, bool isPlain = false)
    {
        const string Install = "apt-get install nodejs";
        string version = (await RunAsync("node", Install, "--version"))[0];
        int major = int.Parse(version.TrimStart('v').Split('.')[0], CultureInfo.InvariantCulture);

        // Versions 20 and 21 have to be asked for it, and later ones bring it along.
        string[] options = major is 20 or 21 ? ["--no-warnings", "--experimental-websocket"] : [];
        string[] arguments = isPlain ? ["plain"] : [];
        return await RunAsync("node", Install, [.. options, "Interop/client.mjs", url, topic, $"{count}", .. arguments]);
    }

    /// <summary>Runs the subscriber in Python.</summary>
    /// <inheritdoc cref="RunNodeAsync"/>
    public static Task<string[]> RunPythonAsync(Uri url, string topic, int count) => RunAsync(
        "python3", "apt-get install python3", "Interop/client.py", url.Host, $"{url.Port}", url.AbsolutePath, topic, $"{count}");

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
