using PipeWs.Client.Topics;

namespace PipeWs.Client;

/// <summary>A connection of a topic client that is not ready yet, for what must be said first. Safe from any thread.</summary>
public sealed class WsTopicConnection
{
    private readonly TopicSession _session;
    private readonly TopicLink _link;

    internal WsTopicConnection(TopicSession session, TopicLink link)
    {
        _session = session;
        _link = link;
    }

    /// <summary>The connection.</summary>
    public WsClientConnection Connection => _link.Connection;

    /// <summary>The id that the server's welcome gave the connection; null where it gave none.</summary>
    public string? Id => _link.Id;

    /// <summary>Sends a request on this connection and completes with the server's answer, or at sending where none is wanted. Dispose the answer.</summary>
    /// <exception cref="WsTopicException">The server refused it or did not answer in time, or the connection ended.</exception>
    /// <exception cref="WsClosedException">The connection had ended.</exception>
    public Task<WsTopicMessage> WriteAsync(WsTopicRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _session.WriteAsync(request, _link, cancellationToken);
    }
}
