namespace PipeWs.Protocol.Compression;

/// <summary>Whether this process can compress.</summary>
public static class DeflateSupport
{
    private static readonly Lazy<bool> s_isSupported = new(Probe);

    /// <summary>Whether the framework's zlib is there and does as it should. Found out once, by a message that goes through it and back.</summary>
    public static bool IsSupported => s_isSupported.Value;

    /// <summary>How many of zlib's states the process holds: 0 where nothing is compressed and nothing is pooled.</summary>
    internal static long NativeStates => ZLibHandle.Alive;

    private static bool Probe()
    {
        try
        {
            Span<byte> compressed = stackalloc byte[64];
            Span<byte> inflated = stackalloc byte[64];
            ReadOnlySpan<byte> message = "to be or not to be, to be"u8;
            using var deflater = new MessageDeflater();
            using var inflater = new MessageInflater();
            return deflater.TryDeflate(message, compressed, isLast: true, keepsHistory: false, out int length)
                && inflater.Inflate(compressed[..length], inflated, out _, out int written) == InflateStatus.NeedsInput
                && inflater.TryEndMessage()
                && inflated[..written].SequenceEqual(message);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}
