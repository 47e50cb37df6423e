namespace PipeWs.Server;

/// <summary>Which exceptions <c>UseRecovery</c> turns into answers, and which.</summary>
public sealed class WsRecoveryOptions
{
    private readonly List<(Func<Exception, bool> Matches, int Code, string Message)> _answers = [];

    /// <summary>Says of an exception whether it is recovered from. Default: of every one. The others go on as if there were no recovery.</summary>
    public Func<Exception, bool> Handles { get; set; } = static _ => true;

    /// <summary>Answers exceptions of a type, and of those derived from it, with an error of its own; others with 500 "internal error". The first match counts.</summary>
    /// <typeparam name="TException">The type.</typeparam>
    /// <param name="code">400-599, as in HTTP.</param>
    /// <param name="message">What was wrong, in plain words: the peer reads it.</param>
    public WsRecoveryOptions Answer<TException>(int code, string message)
        where TException : Exception
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(code, 400);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, 599);
        ArgumentNullException.ThrowIfNull(message);
        _answers.Add((static exception => exception is TException, code, message));
        return this;
    }

    internal bool HasAnswerTo(Exception exception) => _answers.Exists(answer => answer.Matches(exception));

    internal (int Code, string Message) AnswerTo(Exception exception)
    {
        foreach ((Func<Exception, bool> matches, int code, string message) in _answers)
        {
            if (matches(exception))
            {
                return (code, message);
            }
        }

        return (500, "internal error");
    }
}
