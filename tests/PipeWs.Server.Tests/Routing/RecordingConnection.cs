using System.Buffers;
using System.Net;
using System.Security.Claims;
using System.Text;

namespace PipeWs.Server.Tests.Routing;

/// <summary>A connection that keeps what is sent to it, and holds or refuses sends on demand.</summary>
internal sealed class RecordingConnection : IWsConnection
{
    private readonly CancellationTokenSource _closed = new();

    public List<string> Sent { get; } = [];

    /// <summary>Counts instead of keeping, so that recording allocates nothing.</summary>
    public bool CountOnly { get; set; }

    public int SentCount { get; private set; }

    /// <summary>Holds the sends that follow until it completes; what was sent is read only then.</summary>
    public TaskCompletionSource? Hold { get; set; }

    public Exception? Refusal { get; set; }

    public (ushort Code, string Reason)? CloseCall { get; private set; }

    public string Id => "c1";

    public ClaimsPrincipal User { get; } = new();

    public string? UserId => null;

    public string Path => "/ws";

    public string Query => "";

    public string? Subprotocol => null;

    public EndPoint? RemoteEndPoint => null;

    public DateTimeOffset ConnectedAt => default;

    public CancellationToken ConnectionClosed => _closed.Token;

    public Task<WsCloseInfo> Closed => Task.FromException<WsCloseInfo>(new NotSupportedException());

    public IReadOnlyList<string> Rooms => [];

    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, WsMessageType type, CancellationToken cancellationToken = default)
    {
        if (Refusal is not null)
        {
            throw Refusal;
        }

        if (Hold is TaskCompletionSource hold)
        {
            return new ValueTask(SendHeldAsync(payload, hold.Task));
        }

        SentCount++;
        if (!CountOnly)
        {
            Assert.Equal(WsMessageType.Text, type);
            Sent.Add(Encoding.UTF8.GetString(payload.Span));
        }

        return default;
    }

    public ValueTask SendAsync(ReadOnlySequence<byte> payload, WsMessageType type, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask SendAsync(WsPreparedMessage message, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public void FireClosed() => _closed.Cancel();

    public bool IsSubscribed(string room) => false;

    public object? GetMetadata(string key) => null;

    public void SetMetadata(string key, object value) => throw new NotSupportedException();

    public bool RemoveMetadata(string key) => false;

    public ValueTask<WsJoinResult> JoinAsync(string room, WsSince since = default, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<bool> LeaveAsync(string room, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public void BeginClose(ushort code = 1000, string reason = "") => throw new NotSupportedException();

    public WsMessageWriter BeginMessage(WsMessageType type) => throw new NotSupportedException();

    public ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<WsCloseInfo> CloseAsync(ushort code = 1000, string reason = "", CancellationToken cancellationToken = default)
    {
        CloseCall = (code, reason);
        return new ValueTask<WsCloseInfo>(new TaskCompletionSource<WsCloseInfo>().Task);
    }

    public void Abort(Exception? reason = null) => throw new NotSupportedException();

    private async Task SendHeldAsync(ReadOnlyMemory<byte> payload, Task hold)
    {
        await hold;

        // Those that were held go on at once, on as many threads as the test runner has.
        lock (Sent)
        {
            SentCount++;
            Sent.Add(Encoding.UTF8.GetString(payload.Span));
        }
    }
}
