namespace PipeWs.Server;

/// <summary>A room: a log that its members read with cursors of their own. Every member is safe from any thread, and none waits for a slow member.</summary>
public interface IWsRoom : IWsSender
{
    /// <summary>The room's name; the wire's "topic".</summary>
    string Name { get; }

    /// <summary>Names one life of the log: sequence numbers never go back within it. Empty while the room does not exist.</summary>
    string Epoch { get; }

    /// <summary>The sequence number of the newest message; 0 before the first.</summary>
    long Head { get; }

    /// <summary>How many members it has.</summary>
    int MemberCount { get; }

    /// <summary>The members, as they were at some moment.</summary>
    IReadOnlyList<IWsConnection> Members { get; }

    /// <summary>
    /// Publishes <c>{"type":"message","topic":...,"subject":...,"sn":...,"data":...}</c>: the next message of the room's log, encoded once for all.
    /// <see cref="IWsSender.SendAsync(ReadOnlyMemory{byte}, WsMessageType, CancellationToken)"/> puts a payload into the same log as it is.
    /// </summary>
    /// <param name="data">The data: one JSON value in UTF-8, trusted to be valid. It is copied before the call returns.</param>
    /// <param name="options">Subject, conflation key and exceptions.</param>
    /// <returns>The message's sequence number; 0 where the room has neither members nor history and nothing was kept.</returns>
    long Publish(ReadOnlyMemory<byte> data, WsPublishOptions options = default);

    /// <summary>Puts a payload into the log as it is, without the envelope.</summary>
    /// <inheritdoc cref="Publish"/>
    long PublishRaw(ReadOnlyMemory<byte> payload, WsMessageType type, WsPublishOptions options = default);

    /// <summary>Sends to the room's members except these connections, given by id.</summary>
    IWsSender Except(params IReadOnlyList<string> connectionIds);
}

/// <summary>What a publish may say beside its data.</summary>
/// <param name="Subject">The <c>subject</c> member of the message; left out where null.</param>
/// <param name="Key">The key under which rooms with <see cref="WsSlowConsumerPolicy.Conflate"/> keep the latest message.</param>
/// <param name="Except">Ids of connections that do not get the message; their cursors pass over it.</param>
/// <param name="NeverCompress">Sends the message as it is to members that compress too; see <see cref="WsSendOptions.NeverCompress"/>.</param>
public readonly record struct WsPublishOptions(string? Subject = null, string? Key = null, IReadOnlyList<string>? Except = null, bool NeverCompress = false);
