using Microsoft.AspNetCore.Connections;

namespace PipeWs.Server;

/// <summary>
/// What a connection keeps of its door for as long as it lives: the way to drop its transport, and to learn that it is gone. Small: everything else about how it was accepted
/// is let go of once it is served.
/// </summary>
internal abstract class AcceptedTransport : IWsTransport
{
    private bool _hasEnded;

    /// <inheritdoc/>
    public abstract CancellationToken Closed { get; }

    /// <summary>Drops the transport now. Safe from any thread and at any time; does nothing once the connection has ended.</summary>
    public void Abort(Exception? reason)
    {
        // Held during the call: an HTTP/2 stream is reused after its end, and must not be reset then. Nobody else locks it, and a lock of its own would be larger than the object.
        lock (this)
        {
            if (!_hasEnded)
            {
                Drop(reason);
            }
        }
    }

    /// <summary>Said when the hub is done with the connection, once or more: the transport is not touched any more, and the connection's place is another's.</summary>
    public void End()
    {
        lock (this)
        {
            if (_hasEnded)
            {
                return;
            }

            _hasEnded = true;
        }

        OnEnded();
    }

    /// <summary>Drops the transport. Not after the end.</summary>
    protected abstract void Drop(Exception? reason);

    /// <summary>It has ended. Once.</summary>
    protected virtual void OnEnded()
    {
    }
}

/// <summary>A transport that is dropped by a call.</summary>
internal sealed class CallbackTransport(Action<Exception?> abort) : AcceptedTransport
{
    /// <inheritdoc/>
    public override CancellationToken Closed => ClosedToken;

    /// <summary>Fires when the transport is gone.</summary>
    public CancellationToken ClosedToken { get; set; }

    /// <inheritdoc/>
    protected override void Drop(Exception? reason) => abort(reason);
}

/// <summary>A connection of Kestrel's, with no HTTP between. It has its place under the limits until its end.</summary>
internal sealed class RawTransport(ConnectionContext connection, HubDoor.Admission admission) : AcceptedTransport
{
    /// <inheritdoc/>
    public override CancellationToken Closed => connection.ConnectionClosed;

    /// <inheritdoc/>
    protected override void Drop(Exception? reason) =>
        connection.Abort(new ConnectionAbortedException(reason?.Message ?? "The WebSocket connection was aborted.", reason!));

    /// <inheritdoc/>
    protected override void OnEnded() => admission.Dispose();
}
