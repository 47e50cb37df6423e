using PipeWs.Transport.Native;

namespace PipeWs.Transport.Tests.Native;

public sealed class KernelCheckTests
{
    [Fact]
    public void This_kernel_is_as_expected() => KernelCheck.Run();
}
