using PipeWs.LoadTest.Measurement;

namespace PipeWs.LoadTest.Tests.Measurement;

public sealed class FileLimitTests
{
    private const string Limits = "Limit                     Soft Limit           Hard Limit           Units     \nMax processes             63432                63432                processes \nMax open files            {0}                524288               files     \n";

    [Fact]
    public void The_soft_limit_is_read() => Assert.Equal(1024, FileLimit.Parse(Limits.Replace("{0}", "1024", StringComparison.Ordinal)));

    [Fact]
    public void No_limit_is_the_largest() => Assert.Equal(long.MaxValue, FileLimit.Parse(Limits.Replace("{0}", "unlimited", StringComparison.Ordinal)));

    [Fact]
    public void The_own_limit_can_be_read() => Assert.InRange(FileLimit.Read(), 3, long.MaxValue);

    [Fact]
    public void Too_many_connections_are_explained_with_both_numbers()
    {
        Assert.Null(FileLimit.Explain(824, 1024));
        string? explanation = FileLimit.Explain(5000, 1024);

        Assert.NotNull(explanation);
        Assert.Contains("5,200", explanation, StringComparison.Ordinal);
        Assert.Contains("1,024", explanation, StringComparison.Ordinal);
    }
}
