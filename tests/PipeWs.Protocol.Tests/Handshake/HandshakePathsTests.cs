using PipeWs.Protocol.Handshake;

namespace PipeWs.Protocol.Tests.Handshake;

public class HandshakePathsTests
{
    [Theory]
    [InlineData("/", true)]
    [InlineData("/ws", true)]
    [InlineData("/!~", true)]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("ws", false)]
    [InlineData("//ws", false)]
    [InlineData("/ ws", false)]
    [InlineData("/\u007F", false)]
    [InlineData("/é", false)]
    [InlineData("/ws?a", false)]
    [InlineData("/ws#a", false)]
    public void Knows_what_can_be_a_path(string? path, bool expected)
    {
        Assert.Equal(expected, HandshakePaths.IsValid(path));
        if (!expected)
        {
            Assert.Throws<ArgumentException>("paths", () => new HandshakePaths("/ok", path!));
        }
    }

    [Fact]
    public void Takes_thirty_two_paths_and_tells_each_from_the_others()
    {
        string[] paths = [.. Enumerable.Range(0, HandshakePaths.MaxPaths).Select(static i => "/" + new string('p', i))];
        var all = new HandshakePaths(paths);
        foreach (string path in paths)
        {
            var reader = new HandshakeRequestReader(all);
            Assert.Equal(HandshakeReadStatus.Complete, reader.Read(HandshakeBytes.Sequence(HandshakeBytes.Bytes(HandshakeBytes.Request(line: $"GET {path} HTTP/1.1")))));
            Assert.Equal(path, reader.Request.Path);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new HandshakePaths([.. paths, "/more"]));
    }
}
