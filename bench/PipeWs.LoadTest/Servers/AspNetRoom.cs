using System.Buffers;
using System.Collections.Immutable;
using System.Net.WebSockets;
using System.Threading.Channels;

namespace PipeWs.LoadTest.Servers;

/// <summary>
/// All connections of <c>/bcast</c>. Each has a bounded channel and one task that sends what is in it. A payload is copied once for all of them. Where a channel is full
/// the publisher waits: nothing is dropped, and its own socket is not read meanwhile.
/// </summary>
internal sealed class AspNetRoom(ServerOptions options)
{
    private const int ChannelMessages = 256;
    private const int BufferBytes = 4096;

    private ImmutableArray<Member> _members = [];

    /// <summary>Serves one connection until it ends.</summary>
    public async Task RunAsync(WebSocket socket, CancellationToken stopping)
    {
        var member = new Member(socket);
        ImmutableInterlocked.Update(ref _members, static (members, added) => members.Add(added), member);
        Task sending = member.SendAllAsync(stopping);
        try
        {
            await ReceiveAsync(socket, stopping);
        }
        finally
        {
            ImmutableInterlocked.Update(ref _members, static (members, removed) => members.Remove(removed), member);
            member.Complete();
            await sending;
        }
    }

    private async Task ReceiveAsync(WebSocket socket, CancellationToken stopping)
    {
        var message = new ArrayBufferWriter<byte>(BufferBytes);
        while (true)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(message.GetMemory(BufferBytes), stopping);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                return;
            }

            message.Advance(received.Count);
            if (message.WrittenCount > options.AcceptedMessageBytes)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.MessageTooBig, null, stopping);
                return;
            }

            if (received.EndOfMessage)
            {
                await PublishAsync(new Message(message.WrittenSpan.ToArray(), received.MessageType));
                message.ResetWrittenCount();
            }
        }
    }

    private async ValueTask PublishAsync(Message message)
    {
        foreach (Member member in _members)
        {
            if (!member.TryQueue(message))
            {
                await member.QueueAsync(message);
            }
        }
    }

    private readonly record struct Message(byte[] Payload, WebSocketMessageType Type);

    private sealed class Member(WebSocket socket)
    {
        private readonly Channel<Message> _channel = Channel.CreateBounded<Message>(new BoundedChannelOptions(ChannelMessages)
        {
            FullMode = BoundedChannelFullMode.Wait,
            SingleReader = true,
        });

        public bool TryQueue(Message message) => _channel.Writer.TryWrite(message);

        public async ValueTask QueueAsync(Message message)
        {
            try
            {
                await _channel.Writer.WriteAsync(message);
            }
            catch (ChannelClosedException)
            {
                // The member has left; it gets nothing more.
            }
        }

        public void Complete() => _channel.Writer.TryComplete();

        public async Task SendAllAsync(CancellationToken stopping)
        {
            try
            {
                await foreach (Message message in _channel.Reader.ReadAllAsync(stopping))
                {
                    await socket.SendAsync(message.Payload, message.Type, endOfMessage: true, stopping);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or WebSocketException)
            {
                // The receiving side ends the connection. Whoever waits for room in the channel must not wait any longer.
                _channel.Writer.TryComplete();
            }
        }
    }
}
