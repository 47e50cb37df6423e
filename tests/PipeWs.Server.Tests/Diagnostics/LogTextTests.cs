using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Tests.Diagnostics;

public sealed class LogTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain \u00E4\U0001F600", "plain \u00E4\U0001F600")]
    [InlineData("a\r\nb\0c\u007Fd\u0085e\u2028f\u2029g", "a??b?c?d?e?f?g")]
    public void A_text_stays_as_it_is_but_for_what_ends_lines_or_moves_terminals(string text, string logged) => Assert.Equal(logged, LogText.Of(text));

    [Fact]
    public void A_long_text_is_cut() => Assert.Equal(new string('x', LogText.MaxChars), LogText.Of(new string('x', 100_000)));
}
