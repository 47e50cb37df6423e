using System.Globalization;
using System.Text.RegularExpressions;

namespace PipeWs.Fuzz.Engine;

/// <summary>An input with which a target broke its contract.</summary>
/// <param name="Input">The input.</param>
/// <param name="Kind">What tells it from other findings: the exception's type and where it was thrown.</param>
/// <param name="Text">All that is known of it.</param>
internal sealed partial record Finding(byte[] Input, string Kind, string Text)
{
    public static Finding Of(byte[] input, Exception exception)
    {
        Exception innermost = exception;
        while (innermost.InnerException is { } inner)
        {
            innermost = inner;
        }

        string where = innermost.StackTrace?.Split('\n').FirstOrDefault(static line => line.Contains("PipeWs.", StringComparison.Ordinal) && !line.Contains("Assert", StringComparison.Ordinal))?.Trim() ?? "";
        return new Finding(input, $"{innermost.GetType().Name} {Place().Replace(where, "")}", exception.ToString());
    }

    public static Finding Hang(byte[] input, TimeSpan time) =>
        new(input, "hang", string.Create(CultureInfo.InvariantCulture, $"It took {time.TotalMilliseconds:0} ms."));

    public static Finding Memory(byte[] input, long allocatedBytes, long maxBytes) =>
        new(input, "memory", string.Create(CultureInfo.InvariantCulture, $"It allocated {allocatedBytes:N0} bytes; {maxBytes:N0} are the most."));

    [GeneratedRegex(@" in .*$")]
    private static partial Regex Place();
}
