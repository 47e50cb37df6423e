using System.CommandLine;
using PipeWs.LoadTest.CommandLine;

// No termination timeout: every command ends by itself when it is told to, with an exit code of its own.
return await LoadTestCommand.Create().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
