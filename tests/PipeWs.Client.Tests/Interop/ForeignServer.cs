using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using PipeWs.Shared;

namespace PipeWs.Client.Tests.Interop;

/// <summary>A server in another language. Where its program or library is missing the test skips and says what to install; under CI, where all is installed, it fails.</summary>
internal sealed class ForeignServer : IAsyncDisposable
{
    private readonly Process _process;

    private ForeignServer(Process process, int port)
    {
        _process = process;
        Uri = new Uri($"ws://127.0.0.1:{port}/");
    }

    public Uri Uri { get; }

    public static async Task<ForeignServer> StartAsync(string program, string script, string install)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(program, ["Interop/" + script])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                WorkingDirectory = AppContext.BaseDirectory,
            })!;
        }
        catch (Win32Exception)
        {
            return Missing($"{program} is not installed: {install}");
        }

        string line = await process.StandardOutput.ReadLineAsync().Soon() ?? "";
        if (int.TryParse(line, CultureInfo.InvariantCulture, out int port))
        {
            return new ForeignServer(process, port);
        }

        await process.WaitForExitAsync().Soon();
        process.Dispose();
        return Missing($"{script} has not what it needs: {install}");
    }

    /// <summary>The next line it prints.</summary>
    public Task<string?> ReadLineAsync() => _process.StandardOutput.ReadLineAsync().Soon();

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await _process.WaitForExitAsync().Soon();
        }
        catch (TimeoutException)
        {
            _process.Kill();
            throw;
        }
        finally
        {
            _process.Dispose();
        }
    }

    private static ForeignServer Missing(string reason)
    {
        Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), reason);
        Assert.Skip(reason);
        throw new InvalidOperationException(reason);
    }
}
