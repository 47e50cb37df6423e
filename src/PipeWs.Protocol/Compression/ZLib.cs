using System.Runtime.InteropServices;

namespace PipeWs.Protocol.Compression;

/// <summary>
/// The zlib that the shared framework carries for System.IO.Compression, called as System.Net.WebSockets calls it.
/// </summary>
/// <remarks>
/// Why not System.IO.Compression's own classes: a DeflateStream's window cannot be chosen and its inflating half cannot be told where a message ends, neither can be
/// used again for the next message, and each allocates a stream and a buffer of its own. A negotiated window, a flush at every message and pooling need zlib itself.
/// The functions are the framework's internal business, of the same name and shape since .NET Core 1.0; a framework that no longer has them gives
/// <see cref="EntryPointNotFoundException"/> at the first use, which <see cref="DeflateSupport"/> finds out before anything is negotiated.
/// The framework has no deflateReset: a full flush forgets the history as well, and leaves an aligned stream to go on with. No window of 8 bits either, which raw
/// deflate refuses: zlib and zlib-ng never point back farther than their window less 262 bytes (MAX_DIST), so that what they write with 9 bits, 250 bytes back at most, keeps to 8.
/// </remarks>
internal static unsafe partial class ZLib
{
    internal const int NoError = 0;
    internal const int StreamEnd = 1;
    internal const int BufferError = -5;
    internal const int MemoryError = -4;

    internal const int SyncFlush = 2;
    internal const int FullFlush = 3;

    /// <summary>Inflates up to the next end of a block.</summary>
    internal const int Block = 5;

    internal const int Deflated = 8;
    internal const int DefaultMemoryLevel = 8;
    internal const int DefaultStrategy = 0;

    private const string Library = "libSystem.IO.Compression.Native";

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateInit2_")]
    internal static partial int DeflateInit(ZStream* stream, int level, int method, int windowBits, int memoryLevel, int strategy);

    [LibraryImport(Library, EntryPoint = "CompressionNative_Deflate")]
    internal static partial int Deflate(ZStream* stream, int flush);

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateEnd")]
    internal static partial int DeflateEnd(ZStream* stream);

    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateInit2_")]
    internal static partial int InflateInit(ZStream* stream, int windowBits);

    [LibraryImport(Library, EntryPoint = "CompressionNative_Inflate")]
    internal static partial int Inflate(ZStream* stream, int flush);

    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateReset2_")]
    internal static partial int InflateReset(ZStream* stream, int windowBits);

    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateEnd")]
    internal static partial int InflateEnd(ZStream* stream);

    /// <summary>What the framework's functions take in place of zlib's own z_stream, which lies behind <see cref="State"/>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ZStream
    {
        internal byte* NextIn;
        internal byte* NextOut;
        internal byte* Message;
        internal void* State;
        internal uint AvailableIn;
        internal uint AvailableOut;
    }
}
