using System.Globalization;

namespace PipeWs.LoadTest.Measurement;

/// <summary>The processor time that a .NET process has spent on compiling anew, with more care, what it calls often. That happens on a thread of its own, which ends when there is nothing to do.</summary>
internal static class CompilerTime
{
    /// <summary>As much of the thread's name as the kernel keeps.</summary>
    private const string ThreadName = ".NET Tiered Com";

    /// <summary>Reads it.</summary>
    /// <returns>Clock ticks (<see cref="ProcessStatus.TicksPerSecond"/>); null where there is no such thread now.</returns>
    public static long? Read(int processId) => Read(processId, ThreadName);

    /// <summary>Reads the processor time of a thread.</summary>
    internal static long? Read(int processId, string threadName)
    {
        try
        {
            foreach (string thread in Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/task")))
            {
                if (File.ReadAllText($"{thread}/comm").AsSpan().TrimEnd().SequenceEqual(threadName))
                {
                    return ProcessStatus.ParseCpuTicks(File.ReadAllText($"{thread}/stat"));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A thread or the process has ended meanwhile.
        }

        return null;
    }
}
