using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PipeWs.Client;

/// <summary>A message to the server in the topic dialect. The client gives it an id.</summary>
/// <param name="Type">The type, by which the server routes it; not empty.</param>
/// <param name="Topic">The topic; null for none.</param>
public sealed record WsTopicRequest(string Type, string? Topic = null)
{
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromDays(24);

    /// <summary>The subject; null for none.</summary>
    public string? Subject { get; init; }

    /// <summary>The data, one JSON value in UTF-8; empty for none. Must stay as it is until the write completes.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>Whether it is for a private channel. Default false.</summary>
    public bool PrivateChannel { get; init; }

    /// <summary>Whether the server is to answer. Default true; without, a write completes when the message was handed to the connection.</summary>
    public bool Response { get; init; } = true;

    /// <summary>How long the answer may take; more than zero, and at most 24 days. Null for <see cref="WsTopicClientOptions.AckTimeout"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public TimeSpan? AckTimeout
    {
        get;
        init => field = value is not { } time || (time > TimeSpan.Zero && time <= s_longestTimeout)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"{nameof(AckTimeout)} is {time}; it must be more than 00:00:00 and at most {s_longestTimeout}, or null.");
    }

    /// <summary>Whether it is sent again where the connection ends before the answer. Null for <see cref="WsTopicClientOptions.SendAgain"/>.</summary>
    public bool? SendAgain { get; init; }

    /// <summary>A request with a value as its data.</summary>
    public static WsTopicRequest Create<T>(string type, string? topic, T data, JsonTypeInfo<T> dataType) =>
        new(type, topic) { Data = JsonSerializer.SerializeToUtf8Bytes(data, dataType) };
}
