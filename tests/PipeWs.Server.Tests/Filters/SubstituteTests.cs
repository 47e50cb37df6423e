using System.Buffers;
using NSubstitute;

namespace PipeWs.Server.Tests.Filters;

/// <summary>An application tests its filters and hooks without a hub.</summary>
public sealed class SubstituteTests
{
    [Fact]
    public async Task A_filter_is_tested_with_a_substitute_of_its_message()
    {
        var filter = new OnlySmall(4);
        WsMessageContext small = Message("1234");
        WsMessageContext large = Message("12345");
        List<WsMessageContext> handled = [];

        await filter.InvokeAsync(small, Next);
        await filter.InvokeAsync(large, Next);

        Assert.Equal([small], handled);
        await large.Received().RefuseAsync(413, "too large");

        ValueTask Next(WsMessageContext context)
        {
            handled.Add(context);
            return default;
        }
    }

    [Fact]
    public async Task What_a_context_of_an_applications_own_need_not_define_does_what_it_says()
    {
        WsMessageContext context = Substitute.ForPartsOf<Partial>();

        Assert.False(context.HasReplied);
        Assert.Equal(0, context.ErrorCode);
        await context.RefuseAsync(418, "no");
        await context.Received().ReplyErrorAsync(418, "no");

        var never = new WsSendOptions(NeverCompress: true);
        await context.ReplyErrorAsync(419, "nor this", never);
        await context.ReplyAsync("ok", default, never);
        await context.Received().ReplyErrorAsync(419, "nor this");
        await context.Received().ReplyAsync("ok", Arg.Any<ReadOnlyMemory<byte>>());
    }

    private static WsMessageContext Message(string text)
    {
        WsMessageContext context = Substitute.For<WsMessageContext>();
        context.Payload.Returns(new ReadOnlySequence<byte>(System.Text.Encoding.UTF8.GetBytes(text)));
        return context;
    }

    public abstract class Partial : WsMessageContext;

    private sealed class OnlySmall(int maxBytes) : IWsMessageFilter
    {
        public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next) =>
            context.Payload.Length > maxBytes ? context.RefuseAsync(413, "too large") : next(context);
    }
}
