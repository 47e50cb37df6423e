using PipeWs.Transport.Native;

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
}
