using PipeWs.LoadTest.Measurement;

namespace PipeWs.LoadTest.Tests.Measurement;

public sealed class ProcessStatusTests
{
    [Theory]
    [InlineData("1234 (dotnet) S 1 1234 1234 0 -1 4194560 100 0 3 0 250 50 7 9 20 0 12 0 1000 2000 300 18446744073709551615")]
    [InlineData("1234 (a (b) c) d) R 1 1234 1234 0 -1 4194560 100 0 3 0 250 50 7 9 20 0 12 0 1000 2000 300 18446744073709551615")]
    [InlineData("1234 () S 1 1234 1234 0 -1 4194560 100 0 3 0 250 50 7 9")]
    public void Cpu_time_is_utime_and_stime_whatever_the_programs_name(string stat) =>
        Assert.Equal(300, ProcessStatus.ParseCpuTicks(stat));

    [Theory]
    [InlineData("")]
    [InlineData("1234 (dotnet) S 1 2 3")]
    public void What_is_no_stat_is_refused(string stat) =>
        Assert.Throws<FormatException>(() => ProcessStatus.ParseCpuTicks(stat));

    [Fact]
    public void Resident_memory_is_VmRSS() =>
        Assert.Equal(45_672 * 1024, ProcessStatus.ParseResidentBytes("Name:\tdotnet\nVmHWM:\t   99999 kB\nVmRSS:\t   45672 kB\nRssAnon:\t   1 kB\n"));

    [Fact]
    public void A_process_without_memory_has_none() => Assert.Equal(0, ProcessStatus.ParseResidentBytes("Name:\tkthreadd\nThreads:\t1\n"));

    [Fact]
    public void The_own_process_can_be_read()
    {
        var before = ProcessStatus.Read(Environment.ProcessId);
        TimeSpan cpu = Environment.CpuUsage.TotalTime;

        Assert.InRange(before.CpuSeconds, 0.01, cpu.TotalSeconds + 0.1);
        Assert.InRange(before.ResidentBytes, 1 << 20, 1L << 40);
    }

    [Fact]
    public void A_process_that_is_not_there_is_said_to_be_missing()
    {
        var error = Assert.Throws<InvalidOperationException>(() => ProcessStatus.Read(int.MaxValue));

        Assert.Contains("2147483647", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_is_calm_that_neither_grows_nor_works()
    {
        var before = new ProcessStatus(100, 1_000_000);

        Assert.True(MemorySettling.IsCalm(before, new ProcessStatus(101, 1_001_000)));
        Assert.False(MemorySettling.IsCalm(before, new ProcessStatus(100, 1_003_000)));
        Assert.False(MemorySettling.IsCalm(before, new ProcessStatus(100, 997_000)));
        Assert.False(MemorySettling.IsCalm(before, new ProcessStatus(105, 1_000_000)));
    }
}
