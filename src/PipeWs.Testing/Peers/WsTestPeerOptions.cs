namespace PipeWs.Testing;

/// <summary>What a <see cref="WsTestPeer"/> does by itself.</summary>
public class WsTestPeerOptions
{
    /// <summary>How long a read waits, in real time, before it fails. Default 10 s; not at all while a debugger is attached.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether pings are answered as they come. Default true. False for a peer that seems dead. RFC 6455, section 5.5.2.</summary>
    public bool AnswersPings { get; set; } = true;

    /// <summary>Whether a close frame is answered as it comes. Default true. False for a peer that never says goodbye. RFC 6455, section 5.5.1.</summary>
    public bool AnswersClose { get; set; } = true;

    /// <summary>
    /// Whether the hub's welcome is taken out of what the peer reads, into <see cref="WsTestPeer.Welcome"/>. Default true: a test begins with what it is about.
    /// </summary>
    public bool TakesWelcome { get; set; } = true;
}
