namespace PipeWs.Messages;

/// <summary>Why a message was refused; <c>default</c> means that it was not. The words go to the peer in an error message.</summary>
/// <param name="Code">400-599, as in HTTP; 0 where there is no error.</param>
/// <param name="Reason">What was wrong, in plain words.</param>
internal readonly record struct EnvelopeError(int Code, string Reason)
{
    public static readonly EnvelopeError ByteOrderMark = BadRequest("a message does not begin with a byte order mark");
    public static readonly EnvelopeError NotAnObject = BadRequest("a message is a JSON object");
    public static readonly EnvelopeError NotJson = BadRequest("the message is not valid JSON");
    public static readonly EnvelopeError NotUtf8 = BadRequest("the message is not valid UTF-8");
    public static readonly EnvelopeError Truncated = BadRequest("the JSON ends too early");
    public static readonly EnvelopeError TrailingData = BadRequest("something follows the JSON object");
    public static readonly EnvelopeError TooDeep = BadRequest($"the JSON is nested deeper than {EnvelopeReader.MaxDepth} levels");
    public static readonly EnvelopeError LoneSurrogate = BadRequest("a string holds half of a surrogate pair");
    public static readonly EnvelopeError NumberOutOfRange = BadRequest("a number is out of range");
    public static readonly EnvelopeError TwoBodies = BadRequest("the message has two bodies");
    public static readonly EnvelopeError IdNotText = BadRequest("\"id\" is a string or a number");
    public static readonly EnvelopeError IdTooLong = BadRequest($"\"id\" is longer than {EnvelopeReader.MaxIdBytes} bytes");

    /// <summary>Whether there is one.</summary>
    public bool IsError => Code != 0;

    public static EnvelopeError BadRequest(string reason) => new(400, reason);
}
