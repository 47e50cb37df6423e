using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Options;
using PipeWs.Transport.Hosting;
using PipeWs.Transport.Native;
using PipeWs.Transport.Tests.Support;

namespace PipeWs.Transport.Tests.Native;

public sealed class RingCheckTests
{
    [Fact]
    public void A_ring_of_this_kernel_is_as_expected_or_there_is_none()
    {
        using SendRing? ring = SendRing.TryCreate(8, GC.AllocateArray<byte>(1024, pinned: true), out string? error);
        Assert.Equal(error, RingCheck.Run());
        Assert.Equal(ring is null, error is not null);
    }

    [Theory]
    [InlineData(PipeWsIoUringUse.Never)]
    [InlineData(PipeWsIoUringUse.WhereAvailable)]
    public async Task The_log_says_whether_sends_leave_by_it(PipeWsIoUringUse use)
    {
        string? reason = use == PipeWsIoUringUse.Never ? "not wanted" : RingCheck.Run();
        var logs = new LogLines();
        await using PipeWsTransportFactory factory = LoopPair.CreateFactory(options => options.IoUring = use, logs);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        string mechanism = reason is null ? "epoll and io_uring" : $"epoll (io_uring: {reason})";
        Assert.Contains($"by {mechanism} serve", Assert.Single(logs.Lines, static line => line.EventId == 4000).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void No_other_use_of_it_is_known()
    {
        ValidateOptionsResult result = new PipeWsTransportOptionsValidator().Validate(null, new PipeWsTransportOptions { IoUring = (PipeWsIoUringUse)3 });
        Assert.Contains(nameof(PipeWsTransportOptions.IoUring), result.FailureMessage, StringComparison.Ordinal);
    }
}
