using System.Text;
using System.Text.Json;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Hardening;

/// <summary>HARDENING rows 37-39 with their literal bytes, over a socket through each door: an error answer, and the same connection goes on.</summary>
public sealed class JsonRowsTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_37_a_million_brackets_get_an_error_answer(Door door, bool isSecure)
    {
        byte[] brackets = Encoding.ASCII.GetBytes(new string('[', 1_000_000));
        await RefusedAsync(door, isSecure, (brackets, 400, null), ([.. """{"id":"7","action":"echo","data":"""u8, .. brackets], 400, "7"));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_38_half_a_surrogate_pair_gets_an_error_answer(Door door, bool isSecure) => await RefusedAsync(
        door,
        isSecure,
        ("""{"id":"7","action":"echo","data":"\ud800"}"""u8.ToArray(), 400, "7"),
        ("""{"id":"7","action":"\ud800"}"""u8.ToArray(), 400, "7"),
        ("""{"id":"\ud800","action":"echo"}"""u8.ToArray(), 400, null),
        ("""{"id":"7","\ud800":"echo"}"""u8.ToArray(), 400, "7"),
        ("""{"id":"7","type":"subscribe","topic":"\udc00"}"""u8.ToArray(), 400, "7"));

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_38_invalid_UTF_8_in_a_string_fails_the_connection_with_1007(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure);
        await HardeningRows.FailsAsync(server, 1007, RawPeer.Frame(Opcode.Text, [.. """{"id":"7","action":"echo","data":" """u8, 0xFF, .. "\"}"u8]));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_39_envelopes_that_are_none_get_an_error_answer(Door door, bool isSecure) => await RefusedAsync(
        door,
        isSecure,
        ("""{"id":"7","action":"echo","action":"echo"}"""u8.ToArray(), 400, "7"),
        ("""{"id":"7","action":"echo","\u0061ction":"echo"}"""u8.ToArray(), 400, "7"),
        ("""{"action":"echo","type":"echo","id":"7"}"""u8.ToArray(), 400, "7"),
        ("""{"id":1e400,"action":"echo"}"""u8.ToArray(), 400, null),
        ("""{"id":"7","action":"echo","data":1e400}"""u8.ToArray(), 400, "7"),
        ("\uFEFF{\"id\":\"7\",\"action\":\"echo\"}"u8.ToArray(), 400, null),
        ("""{"id":"7","action":"echo"}{"id":"8","action":"echo"}"""u8.ToArray(), 400, "7"),
        ("""["action","echo"]"""u8.ToArray(), 400, null),
        ("null"u8.ToArray(), 400, null),
        (""u8.ToArray(), 400, null),
        ("""{"id":"7","data":{}}"""u8.ToArray(), 400, "7"),
        ("""{"id":"7","action":"unheard_of"}"""u8.ToArray(), 404, "7"),
        ("""{"id":"7","action":"echo" """u8.ToArray(), 400, "7"));

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task Row_39_names_are_compared_unescaped(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync();
        await peer.AskAsync("""{"id":"7","\u0061ction":"\u0065cho","d\u0061ta":1}""", """{"id":"7","type":"echo","data":1}""");
        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }

    private static async Task RefusedAsync(Door door, bool isSecure, params (byte[] Message, int Code, string? Id)[] rows)
    {
        await using HubServer server = await HubServer.JsonAsync(door, isSecure);
        await using RawPeer peer = await server.OpenAsync();
        foreach ((byte[] message, int code, string? id) in rows)
        {
            await peer.SendFrameAsync(Opcode.Text, message);
            JsonElement answer = await peer.ReadJsonAsync();
            Assert.Equal("error", answer.GetProperty("type").GetString());
            Assert.Equal(code, answer.GetProperty("code").GetInt32());
            Assert.Equal(id, answer.TryGetProperty("id", out JsonElement echoed) ? echoed.GetString() : null);
            await peer.AskAsync("""{"id":"8","action":"echo","data":[8]}""", """{"id":"8","type":"echo","data":[8]}""");
        }

        await peer.CloseAsync();
        await server.AssertUndisturbedAsync(0);
    }
}
