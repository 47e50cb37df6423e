using System.Runtime.InteropServices;
using PipeWs.LoadTest.Native;

namespace PipeWs.LoadTest.Servers;

/// <summary>
/// At SIGUSR1 a server of this program collects its garbage, compacts its heap and gives back to the system what is free, of the native heap too. What is resident afterwards is what it holds: without this, how much
/// garbage happens to lie about since the last collection, and how a heap grows, is measured as the connections' own.
/// </summary>
internal static class Compaction
{
    private const int SignalUser1 = 10;

    /// <summary>Does it whenever it is asked to, until the registration is disposed of.</summary>
    public static PosixSignalRegistration Accept() => PosixSignalRegistration.Create((PosixSignal)SignalUser1, static signal =>
    {
        // By default it is the end of a process.
        signal.Cancel = true;
        Compact();
        GC.WaitForPendingFinalizers();
        Compact();
        _ = Libc.TrimHeap(0);
    });

    /// <summary>Asks a server for it. One that does not know of it would end.</summary>
    public static void Ask(int processId) => _ = Libc.Kill(processId, SignalUser1);

    private static void Compact() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
