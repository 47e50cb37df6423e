using PipeWs.LoadTest.Measurement;

namespace PipeWs.LoadTest.Tests.Measurement;

public sealed class CongestionControlTests
{
    [Fact]
    public void The_systems_own_is_read()
    {
        const string Setting = "/proc/sys/net/ipv4/tcp_congestion_control";
        Assert.Equal(File.Exists(Setting) ? File.ReadAllText(Setting) : "\n", CongestionControl.Read() + '\n');
    }

    [Theory]
    [InlineData("cubic", false)]
    [InlineData("reno", false)]
    [InlineData("", false)]
    [InlineData("bbr", true)]
    [InlineData("bbr3", true)]
    public void What_paces_is_told_of(string name, bool isToldOf)
    {
        string? told = CongestionControl.Explain(name);
        Assert.Equal(isToldOf, told is not null);
        Assert.Equal(isToldOf, told?.Contains($"is {name},", StringComparison.Ordinal) == true);
    }
}
