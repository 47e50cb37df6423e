using System.IO.Pipelines;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>What a peer speaks over, and what is known of its other end.</summary>
internal abstract class PeerTransport
{
    /// <summary>What comes from the other end.</summary>
    public abstract PipeReader Input { get; }

    /// <summary>What goes to it.</summary>
    public abstract PipeWriter Output { get; }

    /// <summary>The hub's connection at the other end; null where there is none, or none yet.</summary>
    public virtual IWsConnection? Connection => null;

    /// <summary>Drops the transport: the other end sees a reset.</summary>
    public abstract void Abort(Exception reason);

    /// <summary>Says that nothing more will be sent: the other end sees the transport's orderly end.</summary>
    public virtual void Finish() => Output.Complete();

    /// <summary>Completes when the other end has looked at all that was sent, as far as that can be known.</summary>
    public virtual Task WhenTakenAsync() => Task.CompletedTask;

    /// <summary>Completes when the other end has done all it does without being told more, as far as that can be known.</summary>
    public virtual Task WhenIdleAsync() => Task.CompletedTask;

    /// <summary>Lines about the other end for the message of a failed expectation; empty where nothing is known.</summary>
    public virtual string Describe() => "";
}

/// <summary>Any duplex pipe: nothing is known of its other end.</summary>
internal sealed class PlainTransport(IDuplexPipe pipe, Action<Exception>? abort = null) : PeerTransport
{
    public override PipeReader Input => pipe.Input;

    public override PipeWriter Output => pipe.Output;

    public override void Abort(Exception reason)
    {
        abort?.Invoke(reason);
        Output.Complete(reason);
    }
}
