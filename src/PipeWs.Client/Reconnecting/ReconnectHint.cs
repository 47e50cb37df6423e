using System.Globalization;

namespace PipeWs.Client.Reconnecting;

/// <summary>A server that goes down spreads its clients out by telling each when to come back: <c>reconnect after N ms</c> in the close reason.</summary>
internal static class ReconnectHint
{
    private const string Prefix = "reconnect after ";
    private const string Unit = " ms";

    /// <summary>A server may ask for patience, not for ever.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    public static TimeSpan? Find(string reason)
    {
        int start = reason.IndexOf(Prefix, StringComparison.Ordinal);
        if (start < 0)
        {
            return null;
        }

        ReadOnlySpan<char> rest = reason.AsSpan(start + Prefix.Length);
        int end = rest.IndexOf(Unit, StringComparison.Ordinal);
        return end > 0 && int.TryParse(rest[..end], NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, s_longest.TotalMilliseconds))
            : null;
    }
}
