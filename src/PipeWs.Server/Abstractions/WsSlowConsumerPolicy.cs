namespace PipeWs.Server;

/// <summary>What happens to a member whose cursor lags more than the room allows, or falls off the tail of its log.</summary>
public enum WsSlowConsumerPolicy
{
    /// <summary>The connection is closed with 3008; the client resumes. The default.</summary>
    Disconnect,

    /// <summary>The cursor goes to the head, and a gap message says what was passed over.</summary>
    Skip,

    /// <summary>A gap message, then the latest message of each key, in the order of the log.</summary>
    Conflate,

    /// <summary>The membership ends with an error message; the connection lives on.</summary>
    Unsubscribe,
}
