using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Identity;
using PipeWs.Server.Limits;

namespace PipeWs.Server;

/// <summary>
/// What a connection keeps of its door for as long as it lives: the way to drop its transport, and to learn that it is gone. Small: everything else about how it was accepted
/// is let go of once it is served.
/// </summary>
internal abstract class AcceptedTransport : IWsTransport
{
    // A task to be completed, without the object that usually does it.
    private AsyncTaskMethodBuilder _ended;
    private bool _hasEnded;

    protected AcceptedTransport()
    {
        // Made here, so that nobody makes it while another completes it.
        _ = _ended.Task;
    }

    /// <summary>Completes at the end: what the door waits for.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Fires when the server asks the connection to end: 1001, drain, close.</summary>
    public CancellationToken CloseRequested { get; set; }

    /// <inheritdoc/>
    public bool IsCloseRequested => CloseRequested.IsCancellationRequested;

    /// <summary>Its place under the limits on connections; null where nobody counts, or the door itself does.</summary>
    public virtual ConnectionPlace? Place => null;

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
    /// <param name="failure">What failed in the hub, as nothing should.</param>
    public void End(Exception? failure = null)
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
        if (failure is null)
        {
            _ended.SetResult();
        }
        else
        {
            _ended.SetException(failure);
        }
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
    private ConnectionPlace? _place;

    /// <inheritdoc/>
    public override CancellationToken Closed => ClosedToken;

    /// <summary>Fires when the transport is gone.</summary>
    public CancellationToken ClosedToken { get; set; }

    /// <inheritdoc/>
    public override ConnectionPlace? Place => _place;

    /// <summary>Gives it its place, which is the door's to give back.</summary>
    public void SetPlace(ConnectionPlace? place) => _place = place;

    /// <inheritdoc/>
    protected override void Drop(Exception? reason) => abort(reason);
}

/// <summary>A connection of Kestrel's, with no HTTP between.</summary>
internal sealed class RawTransport(ConnectionContext connection) : AcceptedTransport
{
    private HubDoor.Admission _admission;

    /// <inheritdoc/>
    public override CancellationToken Closed => connection.ConnectionClosed;

    /// <inheritdoc/>
    public override ConnectionPlace? Place => _admission.Place;

    /// <inheritdoc cref="HubDoor.Admission.Admit"/>
    public HandshakeRefusal Judge(HandshakeIdentity identity) => _admission.Admit(identity);

    /// <summary>Gives it its place under the limits, until its end.</summary>
    public void Admit(in HubDoor.Admission admission) => _admission = admission;

    /// <inheritdoc/>
    protected override void Drop(Exception? reason) =>
        connection.Abort(new ConnectionAbortedException(reason?.Message ?? "The WebSocket connection was aborted.", reason!));

    /// <inheritdoc/>
    protected override void OnEnded() => _admission.Dispose();
}
