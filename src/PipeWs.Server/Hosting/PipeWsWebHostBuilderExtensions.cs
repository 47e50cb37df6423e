namespace Microsoft.AspNetCore.Hosting;

/// <summary>What concerns the whole host.</summary>
public static class PipeWsWebHostBuilderExtensions
{
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>
    /// Makes the runtime's sockets call back on the thread that waits for the kernel, instead of on the thread pool: with <c>WsLatencyMode.LowLatency</c> a message then meets no
    /// other thread from the kernel to its handler and back, which halves an echo's processor time. Of the whole process, its clients of HTTP and of databases included.
    /// </summary>
    /// <remarks>
    /// The runtime reads this once, when the process opens its first socket: call it before anything does. Whatever blocks on such a thread keeps every socket waiting that the
    /// thread looks after; where that may be, use <c>UsePipeWsTransport</c>, whose loops go on without the thread that blocks. The same as the environment variable
    /// <c>DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS=1</c>; where the variable is set already, it stays as it is.
    /// </remarks>
    /// <param name="builder">The web host.</param>
    public static IWebHostBuilder EnableInlineSockets(this IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (Environment.GetEnvironmentVariable(InlineCompletions) is null)
        {
            Environment.SetEnvironmentVariable(InlineCompletions, "1");
        }

        return builder;
    }
}
