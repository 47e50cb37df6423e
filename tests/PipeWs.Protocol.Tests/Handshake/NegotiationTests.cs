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

public class ExtensionHeaderReaderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("permessage-deflate", "permessage-deflate")]
    [InlineData("permessage-deflate; client_max_window_bits", "permessage-deflate;client_max_window_bits")]
    [InlineData("a; x=1; y=\"2\", b ;z = tok", "a;x=1;y=2|b;z=tok")]
    [InlineData(",, a ,, b,", "a|b")]
    [InlineData("a; x=\"1", "!")]
    [InlineData("a; x=\"\"", "!")]
    [InlineData("a; x=\"1 2\"", "!")]
    [InlineData("a; x=\"1\"2", "a;x=1!")]
    [InlineData("a; x=", "!")]
    [InlineData("a;;", "!")]
    [InlineData("a b", "!")]
    [InlineData("=x", "!")]
    [InlineData("a, \u00E9", "a|!")]
    public void Reads_elements_and_parameters(string header, string expected)
    {
        var reader = new ExtensionHeaderReader(header);
        var elements = new List<string>();
        while (reader.TryReadExtension(out ReadOnlySpan<char> name))
        {
            string element = name.ToString();
            while (reader.TryReadParameter(out ExtensionParameter parameter))
            {
                element += ";" + parameter.Name.ToString() + (parameter.HasValue ? "=" + parameter.Value.ToString() : "");
            }

            elements.Add(element);
        }

        string actual = string.Join('|', elements);
        Assert.Equal(expected.EndsWith('!'), reader.IsMalformed);
        if (!reader.IsMalformed)
        {
            Assert.Equal(expected, actual);
        }
        else if (expected.Length > 1)
        {
            Assert.StartsWith(expected.TrimEnd('!', '|'), actual);
        }
    }

    [Fact]
    public void Reads_ten_thousand_offers_without_allocating()
    {
        string header = string.Join(", ", Enumerable.Repeat("x; a=1; b=\"2\"; server_max_window_bits=7", 10_000));
        Count(header);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int count = Count(header);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(10_000, count);

        static int Count(string header)
        {
            var reader = new ExtensionHeaderReader(header);
            int count = 0;
            while (reader.TryReadExtension(out _))
            {
                count++;
            }

            return count;
        }
    }
}

public class WebSocketKeyTests
{
    [Fact]
    public void Answers_the_key_of_RFC_6455_1_3()
    {
        Span<byte> accept = stackalloc byte[WebSocketAccept.Length];
        WebSocketAccept.Write("dGhlIHNhbXBsZSBub25jZQ=="u8, accept);
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="u8.ToArray(), accept.ToArray());
    }

    [Fact]
    public void Generates_valid_keys_that_differ()
    {
        Span<byte> first = stackalloc byte[WebSocketKey.Length];
        Span<byte> second = stackalloc byte[WebSocketKey.Length];
        WebSocketKey.Generate(first);
        WebSocketKey.Generate(second);
        Assert.True(WebSocketKey.IsValid(first));
        Assert.False(first.SequenceEqual(second));
    }
}
