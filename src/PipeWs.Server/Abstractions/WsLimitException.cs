namespace PipeWs.Server;

/// <summary>
/// What a handler asked for is over a limit. A handler that lets it through has its request answered with an error 429 that says so; the connection lives.
/// </summary>
public sealed class WsLimitException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="limit">The option's name.</param>
    /// <param name="message">What is over it, in words for the peer.</param>
    public WsLimitException(string limit, string message)
        : base(message)
    {
        Limit = limit;
    }

    /// <summary>The option's name, such as <c>MaxMetadataPerConnection</c>.</summary>
    public string Limit { get; }
}
