using System.Collections.Concurrent;
using System.Net;
using System.Security.Claims;
using PipeWs.Protocol.Framing;
using PipeWs.Server;

namespace PipeWs.Testing;

/// <summary>
/// A connection without a transport, for unit tests of handlers: it is who and where the test says, and remembers what is sent to it, joined, left and closed. Safe from any thread.
/// </summary>
#pragma warning disable CA1001 // The source of the token has no timer, and tests keep the token.
public sealed partial class FakeWsConnection : FakeWsSender, IWsConnection
#pragma warning restore CA1001
{
    private readonly ConcurrentDictionary<string, object> _metadata = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<WsCloseInfo> _closes = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource<WsCloseInfo> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates an open connection.</summary>
    /// <param name="id">Its id; null for one of its own.</param>
    /// <param name="userId">Its user's id, also a claim NameIdentifier of <see cref="User"/>; null for nobody.</param>
    /// <param name="hub">Its hub, which lists it; null for a hub of its own.</param>
    public FakeWsConnection(string? id = null, string? userId = null, FakeWsHub? hub = null)
    {
        Id = id ?? Guid.NewGuid().ToString("N")[..24];
        UserId = userId;
        User = userId is null ? new ClaimsPrincipal() : new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, userId)], "test"));
        Hub = hub ?? new FakeWsHub();
        Hub.Add(this);
    }

    /// <summary>Its hub.</summary>
    public FakeWsHub Hub { get; }

    /// <inheritdoc/>
    public string Id { get; }

    /// <inheritdoc/>
    public ClaimsPrincipal User { get; set; }

    /// <inheritdoc/>
    public string? UserId { get; set; }

    /// <inheritdoc/>
    public string Path { get; set; } = "/ws";

    /// <inheritdoc/>
    public string Query { get; set; } = "";

    /// <inheritdoc/>
    public string? Subprotocol { get; set; }

    /// <inheritdoc/>
    public EndPoint? RemoteEndPoint { get; set; } = new IPEndPoint(IPAddress.Loopback, 49152);

    /// <inheritdoc/>
    public DateTimeOffset ConnectedAt { get; set; } = new WsTestClock().UtcNow;

    /// <summary>What <see cref="PingAsync"/> measures. Default 1 ms.</summary>
    public TimeSpan RoundTripTime { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <inheritdoc/>
    public CancellationToken ConnectionClosed => _closing.Token;

    /// <inheritdoc/>
    public Task<WsCloseInfo> Closed => _closed.Task;

    /// <summary>Whether it has ended.</summary>
    public bool IsClosed => _closed.Task.IsCompleted;

    /// <summary>The closes that code under test asked for, aborts among them as 1006, in order; the first is how it ended.</summary>
    public IReadOnlyList<WsCloseInfo> Closes => [.. _closes];

    /// <summary>The metadata as it is.</summary>
    public IReadOnlyDictionary<string, object> Metadata => _metadata;

    /// <inheritdoc/>
    public object? GetMetadata(string key) => _metadata.GetValueOrDefault(key);

    /// <inheritdoc/>
    public void SetMetadata(string key, object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _metadata[key] = value;
    }

    /// <inheritdoc/>
    public bool RemoveMetadata(string key) => _metadata.TryRemove(key, out _);

    /// <inheritdoc/>
    public ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        return _isEnding ? ValueTask.FromException<TimeSpan>(new WsClosedException())
            : cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<TimeSpan>(cancellationToken)
            : new ValueTask<TimeSpan>(RoundTripTime);
    }

    /// <summary>Ends the connection at once, as if the peer had answered the close frame, and gives how it ended.</summary>
    /// <inheritdoc/>
    public ValueTask<WsCloseInfo> CloseAsync(ushort code = CloseCode.NormalClosure, string reason = "", CancellationToken cancellationToken = default)
    {
        BeginClose(code, reason);
        return new ValueTask<WsCloseInfo>(_closed.Task);
    }

    /// <summary>Ends the connection at once, as if the peer had answered the close frame.</summary>
    /// <inheritdoc/>
    public void BeginClose(ushort code = CloseCode.NormalClosure, string reason = "")
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (!CloseCode.IsValidOnTheWire(code))
        {
            throw new ArgumentOutOfRangeException(nameof(code), code, "A close frame carries 1000-1003, 1007-1014 or 3000-4999 (RFC 6455, 7.4).");
        }

        End(new WsCloseInfo(code, reason, WsCloseInitiator.Local, WasClean: true), isAsked: true);
    }

    /// <inheritdoc/>
    public void Abort(Exception? reason = null) => End(new WsCloseInfo(CloseCode.AbnormalClosure, "", WsCloseInitiator.Local, WasClean: false, reason), isAsked: true);

    /// <summary>The peer ends the connection: with a close frame, or, with 1006, without one.</summary>
    /// <param name="code">The close code.</param>
    /// <param name="reason">The reason.</param>
    public void EndByPeer(ushort code = CloseCode.NormalClosure, string reason = "") => End(
        code == CloseCode.AbnormalClosure
            ? new WsCloseInfo(code, "", WsCloseInitiator.Transport, WasClean: false)
            : new WsCloseInfo(code, reason, WsCloseInitiator.Remote, WasClean: true),
        isAsked: false);

    /// <summary>Whether it takes nothing more.</summary>
    internal bool IsEnding => _isEnding;

    /// <summary>The id.</summary>
    public override string ToString() => Id;

    internal override ValueTask Send(WsTestMessage message, CancellationToken cancellationToken)
    {
        if (_isEnding)
        {
            return ValueTask.FromException(new WsClosedException());
        }

        ValueTask sent = base.Send(message, cancellationToken);
        return sent.IsCompleted || !cancellationToken.CanBeCanceled ? sent : new ValueTask(sent.AsTask().WaitAsync(cancellationToken));
    }

    private void End(WsCloseInfo info, bool isAsked)
    {
        if (isAsked)
        {
            _closes.Enqueue(info);
        }

        if (!TryBeginEnd(out List<(FakeMembership Membership, int Members)> left))
        {
            return;
        }

        // It has ended before anybody hears of it: whoever does finds it so, and nothing that he does can keep it from ending.
        Hub.Remove(this);
        EndParts();
        _closed.TrySetResult(info);
        _ = _closing.CancelAsync();
        foreach ((FakeMembership membership, int members) in left)
        {
            RaiseLeft(membership, members);
        }
    }
}
