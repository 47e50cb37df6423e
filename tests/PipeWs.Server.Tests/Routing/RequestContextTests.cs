using System.Buffers;
using System.Runtime.InteropServices;
using PipeWs.Messages;
using PipeWs.Server.Routing;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Routing;

/// <summary>A message is the same however its bytes lie, and none of them is kept when they go back to the transport.</summary>
public sealed class RequestContextTests
{
    private static readonly byte[] s_message = """{"id":"7","action":"a","topic":"t","data":[1,2]}"""u8.ToArray();

    public enum Lie
    {
        InOneArray,
        InASegment,
        InPieces,
        InNoArray,
    }

    [Theory]
    [InlineData(Lie.InOneArray)]
    [InlineData(Lie.InASegment)]
    [InlineData(Lie.InPieces)]
    [InlineData(Lie.InNoArray)]
    public void A_message_is_the_same_wherever_it_lies(Lie lie)
    {
        using var native = new NativeBytes(s_message);
        ReadOnlySequence<byte> payload = Lay(lie, native);
        var context = new RequestContext(null!, new RecordingConnection(), null!);

        context.BeginRaw(payload, WsMessageType.Binary);
        Assert.Equal(s_message, context.Payload.ToArray());
        Assert.Equal(WsMessageType.Binary, context.Type);

        ReadOnlySpan<byte> message = context.Begin(payload, EnvelopeNames.Default);
        Assert.False(EnvelopeReader.Read(message, EnvelopeNames.Default, out context.Envelope).IsError);
        Assert.Equal(s_message, context.Message.ToArray());
        Assert.Equal(s_message, context.Payload.ToArray());
        Assert.Equal("[1,2]"u8, context.Body.Span);
        Assert.Equal(("7", "t"), (context.RequestId, context.Topic));

        context.End();
        Assert.True(context.Payload.IsEmpty && context.Message.IsEmpty && context.Body.IsEmpty);
        Assert.Equal((null, null), (context.RequestId, context.Topic));
    }

    [Fact]
    public void A_part_of_an_array_is_a_message_like_any_other()
    {
        byte[] array = [.. "before"u8, .. s_message, .. "behind"u8];
        var context = new RequestContext(null!, new RecordingConnection(), null!);

        Assert.Equal(s_message, context.Begin(array, 6, s_message.Length, EnvelopeNames.Default));
        EnvelopeReader.Read(context.Message.Span, EnvelopeNames.Default, out context.Envelope);
        Assert.Equal("[1,2]"u8, context.Body.Span);
        Assert.Equal(s_message, context.Payload.ToArray());
        context.End();

        context.BeginRaw(array, 0, 6, WsMessageType.Text);
        Assert.Equal("before"u8.ToArray(), context.Payload.ToArray());
        Assert.True(context.Body.IsEmpty);
    }

    [Theory]
    [InlineData(Lie.InOneArray)]
    [InlineData(Lie.InPieces)]
    public void What_a_raw_handler_got_is_forgotten_with_what_was_read(Lie lie)
    {
        using var native = new NativeBytes(s_message);
        var context = new RequestContext(null!, new RecordingConnection(), null!);
        context.BeginRaw(Lay(lie, native), WsMessageType.Text);

        context.ForgetMessage();

        Assert.True(context.Payload.IsEmpty && context.Message.IsEmpty);
    }

    private static ReadOnlySequence<byte> Lay(Lie lie, NativeBytes native) => lie switch
    {
        Lie.InOneArray => new ReadOnlySequence<byte>(s_message),
        Lie.InASegment => Cuts.Sequence(s_message, s_message.Length).Slice(0),
        Lie.InPieces => Cuts.Sequence(s_message, 10, s_message.Length - 10),
        _ => new ReadOnlySequence<byte>(native.Memory),
    };

    private sealed unsafe class NativeBytes : MemoryManager<byte>
    {
        private readonly void* _start;
        private readonly int _length;

        public NativeBytes(ReadOnlySpan<byte> bytes)
        {
            _length = bytes.Length;
            _start = NativeMemory.Alloc((nuint)_length);
            bytes.CopyTo(GetSpan());
        }

        public override Span<byte> GetSpan() => new(_start, _length);

        public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)_start + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing) => NativeMemory.Free(_start);
    }
}
