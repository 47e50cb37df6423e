namespace Microsoft.AspNetCore.Hosting;

/// <summary>What is beneath Kestrel in the tests: its own sockets, or PipeWs.Transport where the same tests run once more for it.</summary>
internal static class TestTransport
{
    /// <summary>Whether it is PipeWs.Transport: by the runtime option that a test project sets, or by <c>PIPEWS_TRANSPORT=loops</c>.</summary>
    public static bool IsLoops { get; } =
        AppContext.GetData("PipeWs.Tests.Transport") is "loops" || Environment.GetEnvironmentVariable("PIPEWS_TRANSPORT") == "loops";

    /// <summary>Puts it beneath Kestrel.</summary>
    public static IWebHostBuilder UseTestTransport(this IWebHostBuilder builder) => IsLoops ? builder.UsePipeWsTransport() : builder;
}
