using System.Text;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using static PipeWs.Server.Tests.Hardening.HardeningRows;
using static PipeWs.Server.Tests.Support.RawPeerMessages;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 23 and 30 with their literal bytes, over a socket through each door.</summary>
public sealed class FragmentRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_23_a_message_of_65536_fragments_passes(Door door, bool isSecure)
    {
        const int Fragments = 65_536;
        const int Bytes = 64;
        await using HubServer server = await HubServer.EchoAsync(door, isSecure, options => options.MaxMessageBytes = Fragments * Bytes);
        await using RawPeer peer = await server.OpenAsync();
        var message = new byte[Fragments * Bytes];
        Random.Shared.NextBytes(message);
        using var frames = new MemoryStream();
        for (int i = 0; i < Fragments; i++)
        {
            frames.Write(RawPeer.Frame(i == 0 ? Opcode.Binary : Opcode.Continuation, message.AsSpan(i * Bytes, Bytes), fin: i == Fragments - 1));
        }

        Task sent = peer.SendAsync(frames.ToArray());
        RawFrame echo = await peer.ReadFrameAsync();
        await sent;

        Assert.True(message.AsSpan().SequenceEqual(echo.Payload));
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_23_131072_fragments_of_a_byte_pass(Door door, bool isSecure)
    {
        const int Fragments = 131_072;
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync();
        using var frames = new MemoryStream();
        for (int i = 0; i < Fragments; i++)
        {
            frames.Write([(byte)((i == Fragments - 1 ? 0x80 : 0) | (i == 0 ? 1 : 0)), 0x81, 0, 0, 0, 0, (byte)('a' + (i % 26))]);
        }

        Task sent = peer.SendAsync(frames.ToArray());
        string echo = await peer.ReadTextAsync();
        await sent;

        Assert.Equal(Fragments, echo.Length);
        Assert.StartsWith("abcdefghijklmnopqrstuvwxyzabc", echo, StringComparison.Ordinal);
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_23_more_than_1024_empty_fragments_fail_with_1008(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using (RawPeer peer = await server.OpenAsync())
        {
            await peer.SendAsync([.. Empty(1024), .. Hex("80 81 00 00 00 00 61")]);
            Assert.Equal("a", await peer.ReadTextAsync());

            // Each message has its own.
            await peer.SendAsync([.. Empty(1024), .. Hex("80 80 00 00 00 00")]);
            Assert.Equal("", await peer.ReadTextAsync());
            await peer.CloseAsync();
        }

        await FailsAsync(server, 1008, Empty(1025), [.. Hex("01 81 00 00 00 00 61"), .. Empty(1025, isStarted: true)]);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_30_text_that_is_not_UTF_8_fails_with_1007(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await FailsAsync(
            server,
            1007,
            "81 82 00 00 00 00 C3 28",
            "81 83 00 00 00 00 E2 28 A1",
            "81 81 00 00 00 00 80",
            "81 82 00 00 00 00 C0 80", // overlong
            "81 83 00 00 00 00 E0 80 AF",
            "81 84 00 00 00 00 F0 80 80 AF",
            "81 83 00 00 00 00 ED A0 80", // a surrogate
            "81 84 00 00 00 00 F4 90 80 80", // above U+10FFFF
            "81 81 00 00 00 00 FE",
            "81 82 00 00 00 00 E2 82", // ends within a character
            "01 82 00 00 00 00 E2 82 80 80 00 00 00 00",
            "81 82 37 FA 21 3D F4 D2"); // C3 28 under a key
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_30_text_fails_as_soon_as_it_is_certainly_wrong_whichever_way_it_is_split(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        byte[] wrong = Hex("CE BA E1 BD B9 CF 83 CE BC CE B5 ED A0");
        var inputs = new List<byte[]>();
        for (int cut = 0; cut <= wrong.Length; cut++)
        {
            // Neither FIN nor the rest of the last character ever comes: after ED, A0 can only be a surrogate.
            inputs.Add([.. RawPeer.Frame(Opcode.Text, wrong.AsSpan(0, cut), fin: false), .. RawPeer.Frame(Opcode.Continuation, wrong.AsSpan(cut), fin: false)]);
        }

        // The frame announces more than comes.
        inputs.Add([0x81, 0xFE, 0x01, 0x00, 0, 0, 0, 0, .. wrong]);
        await FailsAsync(server, 1007, [.. inputs]);
        for (int cut = 1; cut < wrong.Length; cut += 2)
        {
            byte[] frame = [0x01, 0xFE, 0x01, 0x00, 0, 0, 0, 0, .. wrong];
            await using RawPeer peer = await server.OpenAsync();
            await peer.SendAsync(frame[..(8 + cut)]);
            await peer.SendAsync(frame[(8 + cut)..]);
            await peer.ReadCloseAsync(1007);
        }

        await server.AssertUndisturbedAsync(inputs.Count + wrong.Length);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_30_good_text_passes_whichever_way_it_is_split(Door door, bool isSecure)
    {
        const string Text = "κόσμε \u0000 \u20AC \U0001F600 \uFFFF \U0010FFFF";
        await using HubServer server = await HubServer.EchoAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync();
        byte[] bytes = Encoding.UTF8.GetBytes(Text);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            await peer.SendAsync([.. RawPeer.Frame(Opcode.Text, bytes.AsSpan(0, cut), fin: false), .. RawPeer.Frame(Opcode.Continuation, bytes.AsSpan(cut))]);
            Assert.Equal(Text, await peer.ReadTextAsync());
            byte[] frame = RawPeer.Frame(Opcode.Text, bytes);
            await peer.SendAsync(frame[..(6 + cut)]);
            await peer.SendAsync(frame[(6 + cut)..]);
            Assert.Equal(Text, await peer.ReadTextAsync());
        }

        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    private static byte[] Empty(int count, bool isStarted = false) =>
        [.. Enumerable.Range(0, count).SelectMany(i => new byte[] { (byte)(i == 0 && !isStarted ? 1 : 0), 0x80, 0, 0, 0, 0 })];
}
