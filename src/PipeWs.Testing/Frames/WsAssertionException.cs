namespace PipeWs.Testing;

/// <summary>
/// What a test expected did not come about. The message says what was expected, what came instead, and the last frames; every test framework shows it as a failure.
/// </summary>
public class WsAssertionException : Exception
{
    /// <summary>Creates the exception with a general message.</summary>
    public WsAssertionException()
        : base("What the test expected did not come about.")
    {
    }

    /// <summary>Creates the exception.</summary>
    public WsAssertionException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public WsAssertionException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
