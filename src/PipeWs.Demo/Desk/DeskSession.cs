using PipeWs.Server;

namespace PipeWs.Demo.Desk;

/// <summary>A connection that did something at the desk, and whose it is.</summary>
public sealed class DeskSession(IWsConnection connection, DeskUser user)
{
    private readonly Lock _gate = new();
    private ITimer? _portfolioTimer;
    private Func<DeskSession, ITimer>? _startTimer;
    private bool _closed;
    private int _pushing;

    /// <summary>The connection.</summary>
    public IWsConnection Connection => connection;

    /// <summary>Whose it is.</summary>
    public DeskUser User => user;

    /// <summary>Whom the hub had authenticated when the session began; null for nobody.</summary>
    public string? LoggedInAs { get; } = connection.UserId;

    /// <summary>Whether the portfolio is pushed to it in intervals.</summary>
    public bool IsSubscribedToPortfolio
    {
        get
        {
            lock (_gate)
            {
                return _portfolioTimer is not null;
            }
        }
    }

    /// <summary>Begins to push the portfolio in intervals; the first push comes after one.</summary>
    public void SubscribePortfolio(TimeProvider time, TimeSpan interval, Action<DeskSession> push)
    {
        lock (_gate)
        {
            if (!_closed && _portfolioTimer is null)
            {
                _startTimer = session => time.CreateTimer(_ => push(session), null, interval, interval);
                _portfolioTimer = _startTimer(this);
            }
        }
    }

    /// <summary>Pushes the portfolio as another session of the connection did, which has ended.</summary>
    internal void SubscribePortfolioLike(DeskSession before)
    {
        lock (_gate)
        {
            if (!_closed && before._startTimer is { } start)
            {
                _startTimer = start;
                _portfolioTimer = start(this);
            }
        }
    }

    /// <summary>Pushes the portfolio no more.</summary>
    /// <returns>Whether it was pushed.</returns>
    public bool UnsubscribePortfolio()
    {
        lock (_gate)
        {
            bool was = _portfolioTimer is not null;
            _portfolioTimer?.Dispose();
            _portfolioTimer = null;
            _startTimer = null;
            return was;
        }
    }

    /// <summary>Held while the portfolio is taken and sent.</summary>
    internal Lock PortfolioGate { get; } = new();

    /// <summary>The session has ended.</summary>
    internal void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _portfolioTimer?.Dispose();
            _portfolioTimer = null;
        }
    }

    /// <summary>Takes the right to push; refused while the push before is still waiting for the peer.</summary>
    internal bool TryBeginPush() => Interlocked.Exchange(ref _pushing, 1) == 0;

    /// <summary>Gives the right back.</summary>
    internal void EndPush() => Volatile.Write(ref _pushing, 0);
}
