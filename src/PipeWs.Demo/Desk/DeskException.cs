namespace PipeWs.Demo.Desk;

/// <summary>A request that cannot be met, with words for whoever asked.</summary>
/// <param name="code">400-599, as in HTTP.</param>
/// <param name="message">What was wrong, in plain words.</param>
public sealed class DeskException(int code, string message) : Exception(message)
{
    /// <summary>400-599, as in HTTP.</summary>
    public int Code => code;

    /// <summary>A field that is missing or makes no sense.</summary>
    public static DeskException Invalid(string message) => new(400, message);

    /// <summary>Something named that does not exist.</summary>
    public static DeskException NotFound(string message) => new(404, message);

    /// <summary>A request that makes sense, but not as things stand.</summary>
    public static DeskException Conflict(string message) => new(409, message);

    /// <summary>Something that will be there in a moment.</summary>
    public static DeskException Unavailable(string message) => new(503, message);
}
