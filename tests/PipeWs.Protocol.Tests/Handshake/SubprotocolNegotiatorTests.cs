using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Tests.Handshake;

public class SubprotocolNegotiatorTests
{
    [Theory]
    [InlineData("chat, superchat", new[] { "superchat", "chat" }, "superchat")]
    [InlineData("chat,superchat", new[] { "other", "chat" }, "chat")]
    [InlineData(" , ,chat,", new[] { "chat" }, "chat")]
    [InlineData("Chat", new[] { "chat" }, null)]
    [InlineData("chat2", new[] { "chat" }, null)]
    [InlineData(null, new[] { "chat" }, null)]
    [InlineData("chat", new string[0], null)]
    public void Picks_the_first_of_the_servers_list_that_is_offered(string? offered, string[] supported, string? expected) =>
        Assert.Equal(expected, SubprotocolNegotiator.Select(offered, supported));

    [Fact]
    public void Reads_32k_spaces_without_taking_offence()
    {
        string spaces = new string(' ', 32 * 1024) + "chat";
        Assert.True(SubprotocolNegotiator.IsWellFormed(spaces));
        Assert.Equal("chat", SubprotocolNegotiator.Select(spaces, ["chat"]));
        Assert.False(SubprotocolNegotiator.IsWellFormed("a" + spaces));
    }
}
