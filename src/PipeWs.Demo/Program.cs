using Microsoft.AspNetCore.Connections;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Display;

if (args.Any(argument => argument is "--help" or "-h" or "-?"))
{
    Console.WriteLine(Usage.Text);
    return 0;
}

try
{
    await using var app = await DeskApp.BuildAsync(args);
    await app.StartAsync();
    await app.WaitForShutdownAsync();
    return 0;
}
catch (FormatException exception)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 2;
}
catch (InvalidDataException exception)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
catch (IOException exception) when (exception.InnerException is AddressInUseException)
{
    await Console.Error.WriteLineAsync($"{exception.Message} Choose another with --urls, for example: --urls http://127.0.0.1:8081");
    return 1;
}
catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
