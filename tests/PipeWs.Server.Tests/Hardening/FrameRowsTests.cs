using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Hardening.HardeningRows;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 16-20, 24 and 25 with their literal bytes, over a socket through each door. A masking key of zeros leaves the payload legible.</summary>
public sealed class FrameRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_16_reserved_bits_that_nobody_agreed_on_fail_with_1002(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(
            server,
            1002,
            "A1 85 37 FA 21 3D 7F 9F 4D 51 58", // RSV2
            "91 85 37 FA 21 3D 7F 9F 4D 51 58", // RSV3
            "C1 85 37 FA 21 3D 7F 9F 4D 51 58", // RSV1, no permessage-deflate
            "C9 80 37 FA 21 3D", // RSV1 on a ping
            "A8 80 37 FA 21 3D", // RSV2 on a close
            "01 83 37 FA 21 3D 7F 9F 4D C0 82 37 FA 21 3D 5B 95"); // RSV1 on a continuation
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_17_opcodes_that_mean_nothing_fail_with_1002(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(
            server,
            1002,
            [.. new[] { 0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF }.Select(opcode => new byte[] { (byte)(0x80 | opcode), 0x80, 0x37, 0xFA, 0x21, 0x3D })]);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_18_an_unmasked_frame_fails_with_1002_at_its_second_byte(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(server, 1002, "81 05 48 65 6C 6C 6F", "81 05", "89 00", "82 7E", "88 02");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_19_a_length_that_is_not_minimal_fails_with_1002(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(
            server,
            1002,
            "82 FE 00 02 37 FA 21 3D 00 00",
            "82 FE 00 7D 37 FA 21 3D",
            "82 FF 00 00 00 00 00 00 00 02 37 FA 21 3D 00 00",
            "82 FF 00 00 00 00 00 00 FF FF 37 FA 21 3D");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_20_lengths_that_are_not_lengths_fail_with_1002_and_those_over_the_limit_with_1009(Door door, bool isSecure)
    {
        await using (HubServer server = await HubServer.EchoAsync(door, isSecure))
        {
            await FailsAsync(server, 1002, "82 FF 80 00 00 00 00 00 00 00 37 FA 21 3D", "82 FF FF FF FF FF FF FF FF FF 37 FA 21 3D");
        }

        await using (HubServer server = await HubServer.EchoAsync(door, isSecure))
        {
            await FailsAsync(
                server,
                1009,
                "82 FF 00 00 00 00 00 10 00 01 37 FA 21 3D", // 1 MiB and a byte
                "82 FF 7F FF FF FF FF FF FF FF 37 FA 21 3D",
                "02 81 00 00 00 00 01 80 FF 7F FF FF FF FF FF FF FF 00 00 00 00", // the sum would overflow
                "02 81 00 00 00 00 01 80 FF 00 00 00 00 00 10 00 00 00 00 00 00", // the sum is a byte too much
                "01 FF 00 00 00 00 00 10 00 01 37 FA 21 3D");
        }
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_20_a_message_of_just_the_limit_passes_whole_and_in_fragments(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync();
        var message = new byte[1024 * 1024];
        Random.Shared.NextBytes(message);

        await peer.SendAsync(RawPeer.Frame(Opcode.Binary, message));
        Assert.Equal(message, (await peer.ReadFrameAsync()).Payload);

        await peer.SendAsync(
        [
            .. RawPeer.Frame(Opcode.Binary, message.AsSpan(0, 1), fin: false),
            .. RawPeer.Frame(Opcode.Continuation, message.AsSpan(1)),
        ]);
        Assert.Equal(message, (await peer.ReadFrameAsync()).Payload);
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_24_fragmented_and_long_control_frames_fail_with_1002(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(
            server,
            1002,
            "09 80 37 FA 21 3D",
            "0A 80 37 FA 21 3D",
            "08 82 00 00 00 00 03 E8",
            "89 FE 00 7E 37 FA 21 3D",
            "8A FE 00 7E 37 FA 21 3D",
            "88 FE 00 7E 37 FA 21 3D",
            "89 FF 00 00 00 00 00 01 00 00 37 FA 21 3D");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_25_fragments_out_of_order_fail_with_1002(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(
            server,
            1002,
            "80 80 37 FA 21 3D", // a continuation without a start
            "00 81 00 00 00 00 61",
            "01 81 00 00 00 00 61 81 81 00 00 00 00 62", // a message inside a message
            "01 81 00 00 00 00 61 02 81 00 00 00 00 62",
            "01 80 00 00 00 00 01 80 00 00 00 00",
            "80 81 00 00 00 00 61 81 81 00 00 00 00 62");
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_frame_may_come_in_any_pieces(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync();
        byte[] hello = Hex("81 85 37 FA 21 3D 7F 9F 4D 51 58");
        for (int cut = 1; cut < hello.Length; cut++)
        {
            await peer.SendAsync(hello[..cut]);
            await peer.SendAsync(hello[cut..]);
            Assert.Equal("Hello", await peer.ReadTextAsync());
        }

        foreach (byte one in hello)
        {
            await peer.SendAsync([one]);
        }

        Assert.Equal("Hello", await peer.ReadTextAsync());
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }
}
