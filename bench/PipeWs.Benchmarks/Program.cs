using System.Globalization;
using PipeWs.Benchmarks.Clients;

switch (args)
{
    case [ReceiveComparison.Command, .. string[] rest]:
        await ReceiveComparison.RunAsync(rest);
        break;
    case [FloodProcess.Command, string bytes]:
        FloodProcess.Serve(int.Parse(bytes, CultureInfo.InvariantCulture));
        break;
    default:
        BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
        break;
}
