using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PipeWs.LoadTest.Native;

/// <summary>
/// Starts processes on chosen cores. A child inherits the mask of the thread that starts it; <c>Process.ProcessorAffinity</c> would, on Linux, move the
/// main thread of a process that already counted its processors and sized its pools.
/// </summary>
internal static unsafe class CpuAffinity
{
    private const int MaskBytes = 128;

    /// <summary>The cores this thread may run on, in order.</summary>
    public static IReadOnlyList<int> GetAllowedCores()
    {
        byte* mask = stackalloc byte[MaskBytes];
        new Span<byte>(mask, MaskBytes).Clear();
        if (Libc.GetAffinity(0, MaskBytes, mask) < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }

        var cores = new List<int>();
        for (int core = 0; core < MaskBytes * 8; core++)
        {
            if ((mask[core / 8] & (1 << (core % 8))) != 0)
            {
                cores.Add(core);
            }
        }

        return cores;
    }

    /// <summary>Starts a process on one core; on any where <paramref name="core"/> is null.</summary>
    public static void Start(Process process, int? core)
    {
        if (core is null)
        {
            process.Start();
            return;
        }

        // A thread of its own: its mask dies with it.
        Exception? failure = null;
        var starter = new Thread(() =>
        {
            try
            {
                Pin(core.Value);
                process.Start();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        starter.Start();
        starter.Join();
        if (failure is not null)
        {
            throw new InvalidOperationException($"The process could not be started on core {core}.", failure);
        }
    }

    private static void Pin(int core)
    {
        byte* mask = stackalloc byte[MaskBytes];
        new Span<byte>(mask, MaskBytes).Clear();
        mask[core / 8] = (byte)(1 << (core % 8));
        if (Libc.SetAffinity(0, MaskBytes, mask) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }
}
