using System.Diagnostics;
using System.Runtime.InteropServices;
using PipeWs.LoadTest.Native;

namespace PipeWs.LoadTest.Compare;

/// <summary>This program, started again as a process of its own. It never outlives the object.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int SignalTerminate = 15;
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly Process _process;

    private ChildProcess(Process process) => _process = process;

    /// <summary>The process's id.</summary>
    public int Id => _process.Id;

    /// <summary>Its exit code; null while it runs.</summary>
    public int? ExitCode => _process.HasExited ? _process.ExitCode : null;

    /// <summary>Its standard input.</summary>
    public StreamWriter Input => _process.StandardInput;

    /// <summary>Its standard output.</summary>
    public StreamReader Output => _process.StandardOutput;

    /// <summary>Starts the program with these arguments.</summary>
    /// <param name="arguments">The command and its options.</param>
    /// <param name="core">The only core it may run on; any where null.</param>
    /// <param name="onError">Takes the lines of its standard error stream.</param>
    public static ChildProcess Start(IEnumerable<string> arguments, int? core, Action<string> onError) =>
        Start(new ProcessStartInfo(FindHost(), [typeof(Program).Assembly.Location, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true }, core, onError);

    /// <summary>Starts another program, which becomes the process itself: what it costs is read from it. Its output is nobody's.</summary>
    /// <param name="command">How, as a shell takes it.</param>
    /// <param name="core">The only core it may run on; any where null.</param>
    /// <param name="onError">Takes the lines of its standard error stream.</param>
    public static ChildProcess StartCommand(string command, int? core, Action<string> onError) =>
        Start(new ProcessStartInfo("/bin/sh", ["-c", $"exec {command} >/dev/null"]), core, onError);

    private static ChildProcess Start(ProcessStartInfo start, int? core, Action<string> onError)
    {
        start.RedirectStandardError = true;
        var process = new Process { StartInfo = start };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null)
            {
                onError(line.Data);
            }
        };
        CpuAffinity.Start(process, core);
        process.BeginErrorReadLine();
        return new ChildProcess(process);
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Sends SIGTERM.</summary>
    public void Terminate() => _ = Libc.Kill(_process.Id, SignalTerminate);

    /// <summary>Sends SIGTERM and waits for the end; after 5 s it is killed.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        if (!_process.HasExited)
        {
            Terminate();
            using var timeout = new CancellationTokenSource(StopTimeout);
            try
            {
                await _process.WaitForExitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
                await _process.WaitForExitAsync(CancellationToken.None);
            }
        }

        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    // The runtime lies in <dotnet>/shared/Microsoft.NETCore.App/<version>/, and its host at the root.
    private static string FindHost()
    {
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            return Environment.ProcessPath!;
        }

        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        return File.Exists(host) ? host : "dotnet";
    }
}
