using PipeWs.Protocol.Handshake;
using PipeWs.Shared;

namespace PipeWs.Protocol.Tests.Handshake;

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
        Assert.Equal(10_000, Count(header));
        Assert.Equal(0, SteadyState.AllocatedBytes(() => Count(header)));

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

    [Fact]
    public void There_is_no_parameter_before_the_first_extension()
    {
        var reader = new ExtensionHeaderReader("a; b");
        Assert.False(reader.TryReadParameter(out _));
        Assert.False(reader.IsMalformed);
        Assert.True(reader.TryReadExtension(out _));
        Assert.True(reader.TryReadParameter(out _));
    }
}
