using PipeWs.Benchmarks.Clients;

switch (args)
{
    case [ReceiveComparison.Command, .. string[] rest]:
        await ReceiveComparison.RunAsync(rest);
        break;
    case [LatencyComparison.Command, .. string[] rest]:
        await LatencyComparison.RunAsync(rest);
        break;
    case [FloodProcess.Command, .. string[] rest]:
        FloodProcess.Serve(rest);
        break;
    default:
        BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
        break;
}
