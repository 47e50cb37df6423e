using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Server.Tests.Routing;
using PipeWs.Shared;
using PipeWs.Tests.Messages;

namespace PipeWs.Server.Tests.Segmentation;

/// <summary>A JSON message that lies in several segments is routed and answered as one that lies in one.</summary>
public class RouterSegmentationTests
{
    private static readonly Config Many = Properties.Of(2000);
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Fact]
    public void A_message_is_routed_the_same_however_it_is_cut() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var json = new RandomJson(seed);
            byte[] message = seed % 3 == 0 ? json.Damage(json.Message()) : json.Message();
            var random = new Random(seed);
            string expected = Route(Cuts.Sequence(message, [message.Length]));
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal(expected, Route(Cuts.Sequence(message, random)));
            }
        }));

    private static string Route(ReadOnlySequence<byte> message)
    {
        var seen = new StringBuilder();
        RouterFixture router = new RouterFixture { Options = new() { ValidateUtf8 = true } }
            .Map("a", context =>
            {
                seen.Append(context.RequestId).Append('|').Append(context.Topic).Append('|').Append(Encoding.UTF8.GetString(context.Body.Span)).Append('\n');
                return default;
            });
        Task<string[]> sent = router.Send(message, WsMessageType.Text);
        Assert.True(sent.IsCompletedSuccessfully);
        Assert.True(router.Context.Message.IsEmpty);
        return string.Join('\n', [seen.ToString(), .. router.Calls, .. sent.Result]);
    }
}
