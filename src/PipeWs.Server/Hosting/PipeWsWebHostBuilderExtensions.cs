using System.Numerics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>What concerns the whole host.</summary>
public static class PipeWsWebHostBuilderExtensions
{
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
    private const int MinBlockBytes = 4 * 1024;
    private const int MaxBlockBytes = 1024 * 1024;
    private const int DefaultBlockBytes = 32 * 1024;

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

    /// <summary>
    /// Has Kestrel receive into blocks of this size instead of 4 KiB. What a client sends together then arrives together: of 32 messages of 128 bytes, 4 KiB holds 30, and the last two cost a read, a batch and
    /// a reply of their own; a message of 16 KiB takes one read instead of four. Of the whole server, HTTP included; without effect on what <c>UsePipeWsTransport</c> listens on, which receives 64 KiB at a time.
    /// </summary>
    /// <remarks>
    /// An idle connection holds no block; one whose client has sent part of a message holds one. The blocks come from <see cref="System.Buffers.ArrayPool{T}.Shared"/>, so that Kestrel's own pool and its metrics see nothing of
    /// them. Call it after <c>UseKestrel</c>, where the application calls that itself; the last call counts.
    /// </remarks>
    /// <param name="builder">The web host.</param>
    /// <param name="blockBytes">The size of a block in bytes, 4 KiB to 1 MiB; what is no power of two is rounded up to one. Default: 32 KiB.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="blockBytes"/> is below 4 KiB or above 1 MiB.</exception>
    public static IWebHostBuilder UseMemoryBlocks(this IWebHostBuilder builder, int blockBytes = DefaultBlockBytes)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockBytes, MinBlockBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(blockBytes, MaxBlockBytes);
        var factory = new MemoryBlocks.Factory((int)BitOperations.RoundUpToPowerOf2((uint)blockBytes));
        return builder.ConfigureServices(services => services.AddSingleton<IMemoryPoolFactory<byte>>(factory));
    }
}
