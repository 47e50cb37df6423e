using PipeWs.Protocol.Framing;

namespace PipeWs.Protocol.Tests.Framing;

public class CloseCodeTests
{
    [Theory]
    [InlineData(1000, 1003)]
    [InlineData(1007, 1014)]
    [InlineData(3000, 4999)]
    public void A_close_frame_may_carry_every_code_of_the_assigned_ranges(int first, int last)
    {
        for (int code = first; code <= last; code++)
        {
            Assert.True(CloseCode.IsValidOnTheWire(code), $"{code}");
        }
    }

    [Theory]
    [InlineData(int.MinValue, int.MinValue)]
    [InlineData(-1, 999)]
    [InlineData(1004, 1006)]
    [InlineData(1015, 2999)]
    [InlineData(5000, 65535)]
    [InlineData(65536 + 1000, 65536 + 1000)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void A_close_frame_may_not_carry_reserved_or_unassigned_codes(int first, int last)
    {
        for (long code = first; code <= last; code++)
        {
            Assert.False(CloseCode.IsValidOnTheWire((int)code), $"{code}");
        }
    }

    [Fact]
    public void Codes_that_only_an_application_sees_are_not_for_the_wire()
    {
        Assert.False(CloseCode.IsValidOnTheWire(CloseCode.NoStatusReceived));
        Assert.False(CloseCode.IsValidOnTheWire(CloseCode.AbnormalClosure));
        Assert.False(CloseCode.IsValidOnTheWire(CloseCode.TlsHandshake));
    }

    [Fact]
    public void Own_codes_are_for_the_wire()
    {
        Assert.Equal([3001, 3005, 3008, 3013], [CloseCode.Unauthenticated, CloseCode.TokenExpired, CloseCode.TooSlow, CloseCode.OverLimit]);
        Assert.All([CloseCode.Unauthenticated, CloseCode.TokenExpired, CloseCode.TooSlow, CloseCode.OverLimit], code => Assert.True(CloseCode.IsValidOnTheWire(code)));
    }
}
