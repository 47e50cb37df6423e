using System.IO.Pipelines;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;
using PipeWs.Tests.Connections;

namespace PipeWs.Tests.Compression;

/// <summary>What a connection takes from its options and from the agreement.</summary>
public sealed class ConnectionCompressionTests
{
    [Theory]
    [InlineData(-1, 256, 15, "Compression.Level is '-1'; it must be between 1 and 9.")]
    [InlineData(10, 256, 15, "Compression.Level is '10'; it must be between 1 and 9.")]
    [InlineData(1, -1, 15, "Compression.ThresholdBytes is '-1'; it must be between 0 and 2147483647.")]
    [InlineData(1, 256, 16, "Compression.ServerMaxWindowBits is '16'; it must be between 8 and 15.")]
    public void Options_that_are_not_allowed_are_refused_before_there_is_a_connection(int level, int threshold, int windowBits, string message)
    {
        using var heartbeat = new WsHeartbeat(TimeProvider.System);
        var options = new WsConnectionOptions { Compression = new() { Level = level, ThresholdBytes = threshold, ServerMaxWindowBits = windowBits } };
        IDuplexPipe transport = DuplexPipePair.Create().Connection;

        Assert.Equal(message, Assert.Throws<ArgumentException>(() => new WsConnection(transport, WsRole.Server, options, heartbeat, compression: default(DeflateParameters))).Message);
    }

    [Theory]
    [InlineData(7, 15, "7", 15)]
    [InlineData(16, 15, "16", 15)]
    [InlineData(12, 11, "12", 11)]
    public void The_least_window_is_no_wider_than_the_widest(int least, int widest, string value, int max)
    {
        var options = new WsCompressionOptions { ServerMinWindowBits = least, ServerMaxWindowBits = widest };
        Assert.Equal(
            $"Compression.ServerMinWindowBits is '{value}'; it must be between 8 and {max}, which ServerMaxWindowBits is.",
            Assert.Throws<ArgumentException>(options.ThrowIfNotAllowed).Message);
    }

    [Fact]
    public async Task Options_changed_later_do_not_change_a_connection()
    {
        await using ConnectionHarness harness = new(configure: static options => options.Compression = new(), compression: new DeflateParameters(15, 15, true, true));
        harness.Options.Compression!.Level = -1;
        harness.Options.Compression.ThresholdBytes = int.MaxValue;

        await harness.Connection.SendAsync(WsMessageType.Text, new byte[1_000]);

        Assert.Equal(0x40, (await harness.Peer.ReadFrameAsync()).Rsv);
    }
}
