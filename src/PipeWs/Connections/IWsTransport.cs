namespace PipeWs;

/// <summary>What a connection asks of its transport beside the bytes. Safe from any thread.</summary>
internal interface IWsTransport
{
    /// <summary>Fires when the transport is gone. Not asked for while nobody waits for that: a token costs memory.</summary>
    CancellationToken Closed { get; }

    /// <summary>Whether the server asks its connections to end. The heartbeat looks at it: to be called back at once would cost every connection more than it costs all of them to be looked at.</summary>
    bool IsCloseRequested { get; }

    /// <summary>Drops it at once.</summary>
    void Abort(Exception? reason);
}

/// <summary>A transport that can be dropped, and tells its end by its pipes alone.</summary>
internal sealed class DelegatedTransport(Action<Exception?> abort) : IWsTransport
{
    /// <inheritdoc/>
    public CancellationToken Closed => CancellationToken.None;

    /// <inheritdoc/>
    public bool IsCloseRequested => false;

    /// <inheritdoc/>
    public void Abort(Exception? reason) => abort(reason);
}
