using System.Globalization;

namespace PipeWs.LoadTest.Measurement;

/// <summary>What Linux tells of a process in <c>/proc/PID/stat</c> and <c>/proc/PID/status</c>. See proc(5).</summary>
/// <param name="CpuTicks">User and system time of all threads, living and dead, in clock ticks.</param>
/// <param name="ResidentBytes">Resident memory (VmRSS) in bytes.</param>
internal readonly record struct ProcessStatus(long CpuTicks, long ResidentBytes)
{
    /// <summary>USER_HZ, which the kernel fixes at 100 for all that it shows of times, whatever its own tick.</summary>
    public const int TicksPerSecond = 100;

    /// <summary>The CPU time in seconds.</summary>
    public double CpuSeconds => (double)CpuTicks / TicksPerSecond;

    /// <summary>Reads a process's status.</summary>
    /// <exception cref="InvalidOperationException">There is no such process, or this is not Linux.</exception>
    public static ProcessStatus Read(int processId)
    {
        string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}");
        try
        {
            return new ProcessStatus(ParseCpuTicks(File.ReadAllText($"{folder}/stat")), ParseResidentBytes(File.ReadAllText($"{folder}/status")));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"Process {processId} cannot be read from {folder}.", e);
        }
    }

    /// <summary>utime + stime, the 14th and 15th field of <c>stat</c>. The second is the program's name in parentheses and may hold anything, parentheses and spaces too.</summary>
    internal static long ParseCpuTicks(string stat)
    {
        int nameEnd = stat.LastIndexOf(')');
        string[] fields = nameEnd < 0 ? [] : stat[(nameEnd + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 12
            ? long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)
            : throw new FormatException("Not the text of a /proc/PID/stat.");
    }

    /// <summary>The VmRSS line of <c>status</c>; 0 for a kernel thread or a zombie, which have none.</summary>
    internal static long ParseResidentBytes(string status)
    {
        foreach (ReadOnlySpan<char> line in status.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("VmRSS:"))
            {
                ReadOnlySpan<char> value = line["VmRSS:".Length..].Trim();
                return value.EndsWith(" kB")
                    ? long.Parse(value[..^3].TrimEnd(), CultureInfo.InvariantCulture) * 1024
                    : throw new FormatException("VmRSS is not in kB.");
            }
        }

        return 0;
    }
}
