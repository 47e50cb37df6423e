using System.Globalization;
using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Server.Tests.Support;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Rooms;

/// <summary>A room's messages are compressed once for all of its members that agreed on the same, and not at all for the others.</summary>
public sealed class SharedCompressionTests
{
    private static readonly DeflateParameters s_plainest = new(15, 15, true, true);

    [Fact]
    public async Task A_thousand_members_cost_one_deflate_a_message()
    {
        await RunAsync([.. Enumerable.Repeat<DeflateParameters?>(s_plainest, 1_000)], messages: 20, expectedDeflates: 20);
    }

    [Fact]
    public Task Members_that_do_not_compress_share_the_plain_frame() => RunAsync([.. Enumerable.Repeat<DeflateParameters?>(null, 50)], messages: 20, expectedDeflates: 0);

    [Fact]
    public Task Each_window_that_matters_costs_one_deflate_a_message() => RunAsync(
        [null, s_plainest, s_plainest, new(9, 15, true, true), new(9, 12, true, true), new(8, 15, false, false), new(8, 15, true, true), null, new(15, 15)],
        messages: 20,
        expectedDeflates: 40);

    [Fact]
    public Task Members_that_each_ask_for_another_window_cost_no_more_than_three_deflates_a_message() => RunAsync(
        [.. Enumerable.Range(8, 8).Select(static bits => (DeflateParameters?)new DeflateParameters(bits, 15, true, true))],
        messages: 5,
        expectedDeflates: 15,
        words: 15_000);

    [Fact]
    public async Task Short_messages_and_those_that_say_so_are_not_compressed_for_anybody()
    {
        using var hub = CreateHub();
        await using var peer = new HubPeer(hub.Hub, compression: s_plainest);
        await SubscribeAsync(hub, peer);
        hub.Hub.Room("a").Publish("1"u8.ToArray());
        hub.Hub.Room("a").Publish(Data(2), new WsPublishOptions(NeverCompress: true));
        await hub.Hub.Room("a").SendAsync(Data(3), WsMessageType.Text, new WsSendOptions(NeverCompress: true));
        await hub.Hub.Room("a").SendAsync(WsPreparedMessage.Text(Data(4), new WsSendOptions(NeverCompress: true)));
        await hub.Hub.All.SendAsync(new System.Buffers.ReadOnlySequence<byte>(Data(5)), WsMessageType.Text, new WsSendOptions(NeverCompress: true));
        await hub.Hub.Room("a").SendAsync(Data(6), WsMessageType.Text);

        await peer.UntilAsync(static texts => texts.Count >= 8, "all of them");
        await Conditions.UntilAsync(() => peer.Compressed == 1, "the last alone came compressed");
        Assert.Equal(1, hub.Hub.CompressionCounters.SharedDeflates);
    }

    [Fact]
    public async Task All_connections_of_a_user_share_one_deflate()
    {
        using var hub = CreateHub();
        HubPeer[] peers = [.. Enumerable.Range(0, 5).Select(_ => new HubPeer(hub.Hub, "ann", compression: s_plainest))];
        foreach (HubPeer peer in peers)
        {
            await SubscribeAsync(hub, peer);
        }

        await hub.Hub.User("ann").SendAsync(Data(1), WsMessageType.Text);
        foreach (HubPeer peer in peers)
        {
            await peer.UntilAsync(texts => texts.Contains(Encoding.UTF8.GetString(Data(1))), "the message");
            await peer.DisposeAsync();
        }

        Assert.Equal(1, hub.Hub.CompressionCounters.SharedDeflates);
    }

    private static async Task RunAsync(DeflateParameters?[] members, int messages, int expectedDeflates, int words = 500)
    {
        using var hub = CreateHub();
        HubPeer[] peers = [.. members.Select(agreed => new HubPeer(hub.Hub, compression: agreed))];
        foreach (HubPeer peer in peers)
        {
            await SubscribeAsync(hub, peer);
        }

        for (int i = 1; i <= messages; i++)
        {
            hub.Hub.Room("a").Publish(Data(i, words));
        }

        for (int i = 0; i < peers.Length; i++)
        {
            await peers[i].UntilAsync(texts => texts.Count >= messages + 2, "all of them");
            Assert.Equal(
                Enumerable.Range(1, messages).Select(number => $$"""{"type":"message","topic":"a","sn":{{number}},"data":{{Encoding.UTF8.GetString(Data(number, words))}}}"""),
                peers[i].Texts.TakeLast(messages));
            Assert.Equal(members[i] is null ? 0 : messages, peers[i].Compressed);
            await peers[i].DisposeAsync();
        }

        Assert.Equal(expectedDeflates, hub.Hub.CompressionCounters.SharedDeflates);
    }

    private static TestHub CreateHub() => new(static options => options.Compression = new WsCompressionOptions { ServerContextTakeover = true });

    private static async Task SubscribeAsync(TestHub hub, HubPeer peer)
    {
        int before = hub.Hub.Room("a").MemberCount;
        await peer.SendAsync("""{"id":"1","type":"subscribe","topic":"a"}""");
        await peer.UntilAsync(static texts => texts.Count >= 2, "the answer");
        Assert.Equal(before + 1, hub.Hub.Room("a").MemberCount);
    }

    // Longer than any window below 11 bits; with 15,000 words longer than any.
    private static byte[] Data(int number, int words = 500) => Encoding.UTF8.GetBytes(
        $"\"{string.Join(' ', Enumerable.Range(0, words).Select(i => (i * number % 41).ToString(CultureInfo.InvariantCulture)))} {number}\"");
}
