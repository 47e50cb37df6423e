using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>Frames that are bad in themselves (rows 16-20, 24, 25, 27 and 30 of the list of bad input), in both roles and delivered in every way.</summary>
public sealed class FrameRowsTests
{
    // Written as a server receives them, with the key 00 00 00 00 that leaves the payload legible.
    private static readonly (string Name, string Server, string Client, int Code)[] s_rows =
    [
        ("rsv1_without_an_extension", "C1 80", "C1 00", 1002),
        ("rsv2", "A1 80", "A1 00", 1002),
        ("rsv3", "91 80", "91 00", 1002),
        ("rsv1_on_a_ping", "C9 80", "C9 00", 1002),
        ("rsv1_on_a_close", "C8 80", "C8 00", 1002),
        ("rsv1_on_a_continuation", "01 80 00000000 C0 80", "01 00 C0 00", 1002),
        ("opcode_3", "83 80", "83 00", 1002),
        ("opcode_4", "84 80", "84 00", 1002),
        ("opcode_5", "85 80", "85 00", 1002),
        ("opcode_6", "86 80", "86 00", 1002),
        ("opcode_7", "87 80", "87 00", 1002),
        ("opcode_b", "8B 80", "8B 00", 1002),
        ("opcode_c", "8C 80", "8C 00", 1002),
        ("opcode_d", "8D 80", "8D 00", 1002),
        ("opcode_e", "8E 80", "8E 00", 1002),
        ("opcode_f", "8F 80", "8F 00", 1002),
        ("the_wrong_masking_judged_from_two_bytes", "81 05", "81 85", 1002),
        ("the_wrong_masking_of_a_control_frame", "89 00", "89 80", 1002),
        ("length_2_in_16_bits", "82 FE 00 02 00000000", "82 7E 00 02", 1002),
        ("length_125_in_16_bits", "82 FE 00 7D 00000000", "82 7E 00 7D", 1002),
        ("length_65535_in_64_bits", "82 FF 00 00 00 00 00 00 FF FF 00000000", "82 7F 00 00 00 00 00 00 FF FF", 1002),
        ("length_with_its_top_bit", "82 FF 80 00 00 00 00 00 00 00 00000000", "82 7F 80 00 00 00 00 00 00 00", 1002),
        ("length_of_all_bits", "82 FF FF FF FF FF FF FF FF FF 00000000", "82 7F FF FF FF FF FF FF FF FF", 1002),
        ("one_byte_more_than_is_accepted", "82 FF 00 00 00 00 00 10 00 01 00000000", "82 7F 00 00 00 00 00 10 00 01", 1009),
        ("the_longest_length", "82 FF 7F FF FF FF FF FF FF FF 00000000", "82 7F 7F FF FF FF FF FF FF FF", 1009),
        ("fragments_whose_sum_is_too_long", "02 82 00000000 AA BB 80 FF 00 00 00 00 00 0F FF FF 00000000", "02 02 AA BB 80 7F 00 00 00 00 00 0F FF FF", 1009),
        ("fragments_whose_sum_overflows", "02 82 00000000 AA BB 80 FF 7F FF FF FF FF FF FF FF 00000000", "02 02 AA BB 80 7F 7F FF FF FF FF FF FF FF", 1009),
        ("a_fragmented_ping", "09 80", "09 00", 1002),
        ("a_fragmented_close", "08 80", "08 00", 1002),
        ("a_ping_of_126_bytes", "89 FE 00 7E", "89 7E 00 7E", 1002),
        ("a_pong_of_64_bit_length", "8A FF", "8A 7F", 1002),
        ("a_continuation_of_nothing", "80 80 00000000", "80 00", 1002),
        ("a_continuation_after_a_whole_message", "81 80 00000000 00 80 00000000", "81 00 00 00", 1002),
        ("a_message_inside_a_message", "01 81 00000000 61 81 81 00000000 62", "01 01 61 81 01 62", 1002),
        ("a_binary_message_inside_a_text_message", "01 81 00000000 61 02 81 00000000 62", "01 01 61 02 01 62", 1002),
        ("close_of_one_byte", "88 81 00000000 03", "88 01 03", 1002),
        ("close_reason_not_utf8", "88 84 00000000 03 E8 C3 28", "88 04 03 E8 C3 28", 1007),
        ("close_reason_cut_in_a_character", "88 83 00000000 03 E8 C3", "88 03 03 E8 C3", 1007),
        ("text_of_a_lone_continuation_byte", "81 81 00000000 80", "81 01 80", 1007),
        ("text_of_an_overlong_form", "81 82 00000000 C0 80", "81 02 C0 80", 1007),
        ("text_of_a_surrogate", "81 83 00000000 ED A0 80", "81 03 ED A0 80", 1007),
        ("text_beyond_the_last_code_point", "81 84 00000000 F4 90 80 80", "81 04 F4 90 80 80", 1007),
        ("text_cut_in_a_character", "81 82 00000000 E2 82", "81 02 E2 82", 1007),
        ("text_cut_in_a_character_at_its_last_fragment", "01 81 00000000 E2 80 81 00000000 82", "01 01 E2 80 01 82", 1007),
        ("text_that_fails_before_fin", "01 84 00000000 CE BA FF 61", "01 04 CE BA FF 61", 1007),
        ("text_that_fails_inside_a_frame", "81 FE 10 00 00000000 61 F5", "81 7E 10 00 61 F5", 1007),
        ("text_that_fails_in_the_next_fragment", "01 81 00000000 ED 00 8F 00000000 A0", "01 01 ED 00 0F A0", 1007),
        ("text_that_fails_after_a_ping_in_its_middle", "01 81 00000000 E2 8A 80 00000000 80 81 00000000 28", "01 01 E2 8A 00 80 01 28", 1007),
    ];

    private static readonly int[] s_badCodes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];

    public static TheoryData<string, WsRole, Delivery> Rows()
    {
        var data = new TheoryData<string, WsRole, Delivery>();
        foreach ((string name, _, _, _) in s_rows)
        {
            AddInEveryWay(data, name);
        }

        foreach (int code in s_badCodes)
        {
            AddInEveryWay(data, $"close_code_{code}");
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_connection_fails_on(string row, WsRole role, Delivery delivery)
    {
        (byte[] bytes, int code) = Find(row, role);
        await using var harness = new ConnectionHarness(role, delivery: delivery);

        Task sending = harness.SendAsync(bytes);
        RawFrame close = await harness.Peer.ReadFrameAsync();
        await sending;
        harness.Peer.Finish();
        WsCloseInfo info = await harness.Ended.Soon();

        Assert.Null(await harness.Peer.TryReadFrameAsync());
        Assert.Equal((RawFrame.Close, code), (close.Opcode, close.CloseCode));
        Assert.NotEmpty(close.CloseReason);
        Assert.Equal((ushort)code, info.Code);
        Assert.Equal(close.CloseReason, info.Reason);
        Assert.Equal(WsCloseInitiator.Local, info.Initiator);
        Assert.False(info.WasClean);
        Assert.Null(info.Exception);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task What_came_before_is_answered_before_the_connection_fails_on(string row, WsRole role, Delivery delivery)
    {
        (byte[] bytes, int code) = Find(row, role);
        await using var harness = new ConnectionHarness(role, delivery: delivery, run: false);
        harness.Receiver.OnMessage = (type, payload) => harness.Connection.SendAsync(type, payload);
        harness.Run();
        byte[] hello = role == WsRole.Server
            ? RawPeer.Hex("81 85 37 FA 21 3D 7F 9F 4D 51 58 89 82 37 FA 21 3D 7F 93")
            : RawPeer.Hex("81 05 48 65 6C 6C 6F 89 02 48 69");

        Task sending = harness.SendAsync([.. hello, .. bytes]);
        RawFrame echo = await harness.Peer.ReadFrameAsync();
        RawFrame pong = await harness.Peer.ReadFrameAsync();
        RawFrame last = await harness.Peer.ReadFrameAsync();
        if (row == "a_continuation_after_a_whole_message")
        {
            Assert.Equal("", last.PayloadText);
            last = await harness.Peer.ReadFrameAsync();
        }

        Assert.Equal("Hello", echo.PayloadText);
        Assert.Equal((RawFrame.Pong, "Hi"), (pong.Opcode, pong.PayloadText));
        Assert.Equal((RawFrame.Close, code), (last.Opcode, last.CloseCode));
        await sending;
        harness.Peer.Finish();
        await harness.Ended.Soon();
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(1002)]
    [InlineData(1003)]
    [InlineData(1007)]
    [InlineData(1008)]
    [InlineData(1009)]
    [InlineData(1010)]
    [InlineData(1011)]
    [InlineData(1012)]
    [InlineData(1013)]
    [InlineData(1014)]
    [InlineData(3000)]
    [InlineData(3999)]
    [InlineData(4000)]
    [InlineData(4999)]
    public async Task A_close_code_that_may_be_sent_is_echoed(int code)
    {
        foreach (WsRole role in Enum.GetValues<WsRole>())
        {
            foreach (Delivery delivery in Enum.GetValues<Delivery>())
            {
                await using var harness = new ConnectionHarness(role, delivery: delivery);

                await harness.SendAsync(harness.Peer.Encode(RawFrame.Close, RawFrame.ClosePayload(code, "so long")));
                (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

                Assert.Equal(code, close.CloseCode);
                Assert.Equal(new WsCloseInfo((ushort)code, "so long", WsCloseInitiator.Remote, WasClean: true), info);
            }
        }
    }

    [Theory]
    [InlineData(WsRole.Server, "88 80 37 FA 21 3D")]
    [InlineData(WsRole.Client, "88 00")]
    public async Task A_close_without_a_code_is_answered_by_one_without_a_code(WsRole role, string bytes)
    {
        await using var harness = new ConnectionHarness(role);

        await harness.SendAsync(RawPeer.Hex(bytes));
        (RawFrame close, WsCloseInfo info) = await harness.FinishAsync();

        Assert.Empty(close.Payload);
        Assert.Equal(new WsCloseInfo(1005, "", WsCloseInitiator.Remote, WasClean: true), info);
    }

    private static void AddInEveryWay(TheoryData<string, WsRole, Delivery> data, string name)
    {
        foreach (WsRole role in Enum.GetValues<WsRole>())
        {
            foreach (Delivery delivery in Enum.GetValues<Delivery>())
            {
                data.Add(name, role, delivery);
            }
        }
    }

    private static (byte[] Bytes, int Code) Find(string name, WsRole role)
    {
        if (name.StartsWith("close_code_", StringComparison.Ordinal))
        {
            int code = int.Parse(name["close_code_".Length..], System.Globalization.CultureInfo.InvariantCulture);
            return (RawPeer.Hex((role == WsRole.Server ? "88 82 00000000 " : "88 02 ") + code.ToString("X4", System.Globalization.CultureInfo.InvariantCulture)), 1002);
        }

        (_, string server, string client, int expected) = s_rows.Single(row => row.Name == name);
        return (RawPeer.Hex(role == WsRole.Server ? server : client), expected);
    }
}
