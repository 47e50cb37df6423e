namespace PipeWs.Client;

/// <summary>Messages of a topic that a subscription does not get, and why.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="From">The first sequence number that is missing; 0 where it is not known.</param>
/// <param name="To">The last one; 0 where it is not known.</param>
/// <param name="Reason">
/// The server's word, cut at 123 characters, such as <c>slow</c>, <c>conflated</c>, <c>expired</c>, <c>trimmed</c> or <c>epoch</c>; or this client's: <c>overflow</c> (the subscription's buffer was full),
/// <c>hole</c> (numbers were passed over without a word), <c>not resumed</c> (the server does not say that it has resumed).
/// </param>
public sealed record WsTopicGap(string Topic, long From, long To, string Reason)
{
    /// <summary>The epoch of the numbers; null where the topic has none.</summary>
    public string? Epoch { get; init; }

    /// <summary>The epoch that was read before, where that is over: what it still held is lost, and the numbers begin anew. Null otherwise.</summary>
    public string? PreviousEpoch { get; init; }

    /// <summary>How many messages are missing; 0 where it is not known.</summary>
    public long Count { get; init; } = From > 0 && To >= From ? To - From + 1 : 0;
}
