using Microsoft.Extensions.Configuration;
using PipeWs.Demo.Desk;

namespace PipeWs.Demo.Tests.Desk;

public class DeskOptionsTests
{
    [Fact]
    public void Without_arguments_all_is_as_documented()
    {
        var options = Parse();

        Assert.Equal(1, options.Speed);
        Assert.Equal(DeskDoor.Fast, options.Door);
        Assert.Equal(100_000, options.StartingCash);
        Assert.Equal(TimeSpan.FromSeconds(5), options.PortfolioInterval);
        Assert.True(File.Exists(options.RecordingPath));
        Assert.Equal(TimeSpan.FromMinutes(5), options.TokenLifetime);
        Assert.True(options.ShowsStatus);
    }

    [Fact]
    public void Arguments_are_read()
    {
        var options = Parse("--speed", "0.5", "--door=mapped", "--alert-percent", "0.25", "--alert-seconds", "30", "--status", "false", "--recording", "x.gz", "--token-seconds", "2");

        Assert.Equal(0.5, options.Speed);
        Assert.Equal(DeskDoor.Mapped, options.Door);
        Assert.Equal(0.25m, options.AlertThresholdPercent);
        Assert.Equal(TimeSpan.FromSeconds(30), options.AlertWindow);
        Assert.Equal("x.gz", options.RecordingPath);
        Assert.Equal(TimeSpan.FromSeconds(2), options.TokenLifetime);
        Assert.False(options.ShowsStatus);
    }

    [Theory]
    [InlineData("--speed", "0")]
    [InlineData("--speed", "-1")]
    [InlineData("--speed", "fast")]
    [InlineData("--speed", "NaN")]
    [InlineData("--speed", "1e9")]
    [InlineData("--speed", "1e-9")]
    [InlineData("--alert-seconds", "1e-9")]
    [InlineData("--door", "back")]
    [InlineData("--status", "maybe")]
    [InlineData("--alert-percent", "101")]
    [InlineData("--token-seconds", "0")]
    public void An_argument_that_makes_no_sense_is_named(string name, string value)
    {
        var exception = Assert.Throws<FormatException>(() => Parse(name, value));

        Assert.StartsWith($"{name} {value}: it is", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws")]
    [InlineData("https://desk.test", "wss://desk.test/ws")]
    [InlineData("ws://127.0.0.1:8080/api/v1/ws", "ws://127.0.0.1:8080/api/v1/ws")]
    public void A_desk_to_follow_is_named_by_its_page_or_its_socket(string text, string socket) => Assert.Equal(new Uri(socket), Parse("--follow", text).Follow);

    [Theory]
    [InlineData("--follow", "desk")]
    [InlineData("--follow", "ftp://desk.test")]
    [InlineData("--follow", "http://desk.test", "--speed", "2")]
    [InlineData("--follow", "http://desk.test", "--recording", "x.gz")]
    public void A_desk_to_follow_excludes_what_it_decides_itself(params string[] args) =>
        Assert.StartsWith("--follow", Assert.Throws<FormatException>(() => Parse(args)).Message, StringComparison.Ordinal);

    private static DeskOptions Parse(params string[] args) => DeskOptions.From(new ConfigurationBuilder().AddCommandLine(args).Build());
}
