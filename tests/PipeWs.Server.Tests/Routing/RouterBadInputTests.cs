using System.Text;
using System.Text.Json;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Tests.Routing;

/// <summary>HARDENING rows 37-39 with their literal bytes: each gets an error answer, with the request's id where there is one, and the connection goes on.</summary>
public class RouterBadInputTests
{
    [Fact]
    public async Task Row_37_a_million_brackets_get_an_error_answer()
    {
        byte[] brackets = Encoding.ASCII.GetBytes(new string('[', 1_000_000));

        await Refused(brackets, 400, null, "object");
        await Refused([.. """{"id":"7","action":"a","data":"""u8, .. brackets], 400, "7", "nested deeper than 32");
    }

    [Fact]
    public async Task Row_38_half_a_surrogate_pair_and_invalid_utf8_get_an_error_answer()
    {
        await Refused("""{"id":"7","action":"a","data":"\ud800"}"""u8.ToArray(), 400, "7", "surrogate");
        await Refused("""{"id":"7","action":"\ud800"}"""u8.ToArray(), 400, "7", "surrogate");
        await Refused("""{"id":"\ud800","action":"a"}"""u8.ToArray(), 400, null, "surrogate");
        await Refused("""{"id":"7","\ud800":"a"}"""u8.ToArray(), 400, "7", "surrogate");
        await Refused([.. """{"id":"7","action":"a","data":" """u8, 0xFF, .. "\"}"u8], 400, null, "UTF-8");
    }

    [Theory]
    [InlineData("""{"id":"7","action":"a","action":"a"}""", 400, "7", "two of")]
    [InlineData("""{"id":"7","action":"a","\u0061ction":"a"}""", 400, "7", "two of")]
    [InlineData("""{"action":"a","type":"a","id":"7"}""", 400, "7", "two of")]
    [InlineData("""{"id":1e400,"action":"a"}""", 400, null, "out of range")]
    [InlineData("""{"id":"7","action":"a","data":1e400}""", 400, "7", "out of range")]
    [InlineData("\uFEFF{\"id\":\"7\",\"action\":\"a\"}", 400, null, "byte order mark")]
    [InlineData("""{"id":"7","action":"a"}{"id":"8","action":"a"}""", 400, "7", "follows")]
    [InlineData("""["action","a"]""", 400, null, "object")]
    [InlineData("""null""", 400, null, "object")]
    [InlineData("""{"id":"7","data":{}}""", 400, "7", "no \"action\" or \"type\"")]
    [InlineData("""{"id":"7","action":"unheard_of"}""", 404, "7", "unknown action \"unheard_of\"")]
    [InlineData("""{"id":"7","action":"A"}""", 404, "7", "unknown action \"A\"")]
    [InlineData("""{"id":"7","action":"\u0062\""}""", 404, "7", "unknown action \"b\"\"")]
    [InlineData("""{"id":"7","action":"a" """, 400, "7", "too early")]
    public async Task Row_39_gets_an_error_answer_with_the_requests_id(string message, int code, string? id, string words) =>
        await Refused(Encoding.UTF8.GetBytes(message), code, id, words);

    [Fact]
    public async Task Row_39_names_are_compared_unescaped()
    {
        RouterFixture fixture = Fixture();

        Assert.Equal(["""{"id":"7","type":"ok"}"""], await fixture.Send("""{"id":"7","\u0061ction":"\u0061"}"""));
        Assert.Empty(fixture.Logged);
    }

    [Theory]
    [InlineData('x', 64)]
    [InlineData('é', 64)]
    public async Task An_unknown_action_is_echoed_up_to_64_characters(char letter, int echoed)
    {
        string action = new(letter, 100_000);

        await Refused(Encoding.UTF8.GetBytes($$"""{"id":"7","action":"{{action}}"}"""), 404, "7", $"unknown action \"{new string(letter, echoed)}\"");
        await Refused(Encoding.UTF8.GetBytes($$"""{"id":"7","action":"\n{{action}}"}"""), 404, "7", $"unknown action \"\n{new string(letter, echoed - 1)}\"");
    }

    [Fact]
    public async Task An_unknown_action_is_not_cut_within_a_character() =>
        await Refused(Encoding.UTF8.GetBytes($$"""{"action":"x{{string.Concat(Enumerable.Repeat("😀", 200))}}"}"""), 404, null, $"unknown action \"x{string.Concat(Enumerable.Repeat("😀", 31))}\"");

    private static RouterFixture Fixture() =>
        new RouterFixture { Options = new RouterOptions { ValidateUtf8 = true } }.Map("a", static context => context.ReplyAsync("ok"));

    private static async Task Refused(byte[] message, int code, string? id, string words)
    {
        RouterFixture fixture = Fixture();

        string answer = Assert.Single(await fixture.Send(message));

        using JsonDocument document = JsonDocument.Parse(answer);
        JsonElement root = document.RootElement;
        Assert.Equal("error", root.GetProperty("type").GetString());
        Assert.Equal(code, root.GetProperty("code").GetInt32());
        Assert.Contains(words, root.GetProperty("data").GetString(), StringComparison.Ordinal);
        Assert.Equal(id, root.TryGetProperty("id", out JsonElement echoed) ? echoed.GetString() : null);
        Assert.Equal(300, Assert.Single(fixture.Logged).EventId);
        Assert.Equal(["""{"id":"8","type":"ok"}"""], await fixture.Send("""{"id":"8","action":"a"}"""));
    }
}
