namespace PipeWs.Transport.Connections;

/// <summary>Names for connections: short, unique in the process, in the order of their making, and unlikely to be those of the process before.</summary>
internal static class ConnectionIds
{
    private const int Length = 13;
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

    private static long s_last = DateTime.UtcNow.Ticks;

    /// <summary>The next name.</summary>
    public static string Next() => string.Create(Length, Interlocked.Increment(ref s_last), static (digits, number) =>
    {
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            digits[i] = Digits[(int)(number & 31)];
            number >>>= 5;
        }
    });
}
