namespace PipeWs;

/// <summary>What was compressed and inflated, by one connection or by many. Bytes are those of payloads, without headers.</summary>
/// <param name="MessagesInflated">Messages received compressed that were whole.</param>
/// <param name="InflatedFrom">How many bytes were used to inflate.</param>
/// <param name="InflatedTo">How many they became, those of messages that failed included.</param>
/// <param name="MessagesDeflated">Messages sent compressed; one in parts counts with its last part.</param>
/// <param name="DeflatedFrom">How many bytes were compressed and sent.</param>
/// <param name="DeflatedTo">How many they became.</param>
/// <param name="MessagesNotShorter">Messages that were tried, did not become shorter, and were sent as they are.</param>
internal readonly record struct CompressionTraffic(
    long MessagesInflated, long InflatedFrom, long InflatedTo, long MessagesDeflated, long DeflatedFrom, long DeflatedTo, long MessagesNotShorter)
{
    public static CompressionTraffic operator +(in CompressionTraffic a, in CompressionTraffic b) => new(
        a.MessagesInflated + b.MessagesInflated,
        a.InflatedFrom + b.InflatedFrom,
        a.InflatedTo + b.InflatedTo,
        a.MessagesDeflated + b.MessagesDeflated,
        a.DeflatedFrom + b.DeflatedFrom,
        a.DeflatedTo + b.DeflatedTo,
        a.MessagesNotShorter + b.MessagesNotShorter);
}
