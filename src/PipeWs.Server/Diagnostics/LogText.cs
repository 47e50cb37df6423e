namespace PipeWs.Server.Diagnostics;

/// <summary>What a peer chose, as it may stand in a log: no long lines, and no line of its own.</summary>
internal static class LogText
{
    /// <summary>The longest text that is logged whole.</summary>
    public const int MaxChars = 128;

    /// <summary>A text with a question mark for each control character, cut after <see cref="MaxChars"/>.</summary>
    public static string Of(string text)
    {
        int length = Math.Min(text.Length, MaxChars);
        return length == text.Length && !text.Any(static c => char.IsControl(c) || IsLineBreak(c))
            ? text
            : string.Create(length, text, static (chars, text) =>
            {
                for (int i = 0; i < chars.Length; i++)
                {
                    chars[i] = char.IsControl(text[i]) || IsLineBreak(text[i]) ? '?' : text[i];
                }
            });
    }

    // U+2028 and U+2029 end lines too, and are no control characters.
    private static bool IsLineBreak(char c) => c is '\u2028' or '\u2029';
}
