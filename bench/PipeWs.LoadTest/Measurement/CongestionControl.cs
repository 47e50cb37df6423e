namespace PipeWs.LoadTest.Measurement;

/// <summary>How the kernel's TCP decides how much it sends at a time.</summary>
internal static class CongestionControl
{
    /// <summary>Reads the name of the one that new connections get; empty where the system does not say.</summary>
    public static string Read()
    {
        try
        {
            return File.ReadAllText("/proc/sys/net/ipv4/tcp_congestion_control").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Says in plain words what it does to a measurement; null where it does nothing.</summary>
    public static string? Explain(string name) => name.StartsWith("bbr", StringComparison.Ordinal)
        ? $"the kernel's congestion control is {name}, which paces over loopback too: after a rest a server is half idle (sysctl net.ipv4.tcp_congestion_control=cubic)"
        : null;
}
