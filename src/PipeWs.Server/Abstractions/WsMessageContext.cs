using System.Buffers;

namespace PipeWs.Server;

/// <summary>
/// One received message and what can be done about it. It and its bytes are borrowed: they are valid until the handler's task completes, on one
/// thread at a time. Keep a copy of what must live longer.
/// </summary>
public abstract class WsMessageContext
{
    /// <summary>The hub.</summary>
    public abstract IWsHub Hub { get; }

    /// <summary>The connection the message came on.</summary>
    public abstract IWsConnection Connection { get; }

    /// <summary>The application's services: a singleton scope, the hub's.</summary>
    public abstract IServiceProvider Services { get; }

    /// <summary>Text or binary.</summary>
    public abstract WsMessageType Type { get; }

    /// <summary>The whole message as it came, unmasked; in handlers that take parts, what came of it now.</summary>
    public abstract ReadOnlySequence<byte> Payload { get; }

    /// <summary>Whether <see cref="Payload"/> is where the message begins; always true but in handlers that take parts.</summary>
    public abstract bool IsFirstPart { get; }

    /// <summary>Whether <see cref="Payload"/> is where the message ends; always true but in handlers that take parts.</summary>
    public abstract bool IsLastPart { get; }

    /// <summary>The action the message was routed by; empty in raw handlers.</summary>
    public abstract string Action { get; }

    /// <summary>The request's id; null where it has none.</summary>
    public abstract string? RequestId { get; }

    /// <summary>The raw JSON of the body (<c>data</c> or <c>payload</c>), in UTF-8; empty where there is none and in raw handlers.</summary>
    public abstract ReadOnlyMemory<byte> Body { get; }

    /// <summary>The <c>topic</c> of the message; null where it has none.</summary>
    public abstract string? Topic { get; }

    /// <summary>Whether it was answered through this context.</summary>
    public virtual bool HasReplied => false;

    /// <summary>The code of the error that it was refused or answered with; 0 where it was not.</summary>
    public virtual int ErrorCode => 0;

    /// <summary>Fires when the connection begins to end.</summary>
    public CancellationToken ConnectionClosed => Connection.ConnectionClosed;

    /// <summary>
    /// Answers the request: <c>{"id":...,"type":type,"data":data}</c>, with the request's id where it had one, and with the body under the name the request used.
    /// </summary>
    /// <param name="type">The answer's type.</param>
    /// <param name="data">One JSON value in UTF-8; left out where empty.</param>
    public abstract ValueTask ReplyAsync(string type, ReadOnlyMemory<byte> data = default);

    /// <summary>Answers the request, and says something more about the answer. A context that does not know of it answers as if nothing had been said.</summary>
    /// <param name="type">The answer's type.</param>
    /// <param name="data">The body, as JSON; empty for none.</param>
    /// <param name="options">What is to be said.</param>
    public virtual ValueTask ReplyAsync(string type, ReadOnlyMemory<byte> data, WsSendOptions options) => ReplyAsync(type, data);

    /// <summary>Answers with <c>{"id":...,"type":"error","code":code,"data":message}</c>. The connection lives on.</summary>
    /// <param name="code">400-599, as in HTTP.</param>
    /// <param name="message">What was wrong, in plain words.</param>
    public abstract ValueTask ReplyErrorAsync(int code, string message);

    /// <summary>Answers with an error, and says something more about the answer. A context that does not know of it answers as if nothing had been said.</summary>
    /// <param name="code">400-599, as in HTTP.</param>
    /// <param name="message">What was wrong, in plain words.</param>
    /// <param name="options">What is to be said.</param>
    public virtual ValueTask ReplyErrorAsync(int code, string message, WsSendOptions options) => ReplyErrorAsync(code, message);

    /// <summary>
    /// Refuses the message, as filters do: an error answer unless it was answered already. In a hub that takes its text raw nothing is sent, since peers
    /// would not know it for an answer. What is still to come of a message in parts is dropped. The connection lives on.
    /// </summary>
    /// <param name="code">400-599, as in HTTP.</param>
    /// <param name="message">Why, in plain words.</param>
    public virtual ValueTask RefuseAsync(int code, string message) => HasReplied ? default : ReplyErrorAsync(code, message);
}
