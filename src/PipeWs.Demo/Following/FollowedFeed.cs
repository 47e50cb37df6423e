using System.Text.Json;
using PipeWs.Client;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Following;

/// <summary>
/// Takes another desk's topics, and gives them on as its own. The client connects anew and resumes where it was; what is lost for good shows as a gap in the order book, which is then
/// asked for whole. The market's time is this machine's, from the start on.
/// </summary>
public sealed partial class FollowedFeed : IMarketFeed, IAsyncDisposable
{
    /// <summary>How long after a book that was not to be had it is asked for again.</summary>
    internal static readonly TimeSpan BookRetryInterval = TimeSpan.FromMilliseconds(250);

    private readonly IMarketSink _sink;
    private readonly IOrderBooks _books;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WsTopicClient _client;
    private readonly string _name;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _turn = new();
    private readonly bool[] _asksBook;
    private readonly List<Task> _tasks = [];
    private Task _following = Task.CompletedTask;
    private long _started;
    private long _followedRound = -1;
    private long _round = -1;
    private long _messages;
    private int _connection;
    private bool _isStarted;
    private bool _stopped;

    /// <summary>Prepares to follow.</summary>
    /// <param name="desk">The other desk's socket.</param>
    /// <param name="symbols">What it trades.</param>
    /// <param name="sink">Who gets the messages.</param>
    /// <param name="books">The books that the sink keeps: one that is out of step is asked for.</param>
    /// <param name="time">The market's time.</param>
    /// <param name="loggers">Where it and its client log.</param>
    public FollowedFeed(Uri desk, IReadOnlyList<Symbol> symbols, IMarketSink sink, IOrderBooks books, TimeProvider time, ILoggerFactory loggers)
    {
        Symbols = symbols;
        _sink = sink;
        _books = books;
        _time = time;
        _logger = loggers.CreateLogger<FollowedFeed>();
        _name = desk.Authority + desk.AbsolutePath;
        _asksBook = new bool[symbols.Count];
        _client = new WsTopicClient(new WsTopicClientOptions { Connection = { Name = "follow", Endpoints = { desk } } }, loggers);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Symbol> Symbols { get; }

    /// <inheritdoc/>
    public FeedPosition Position
    {
        get
        {
            lock (_turn)
            {
                TimeSpan elapsed = _isStarted ? _time.GetElapsedTime(_started) : TimeSpan.Zero;
                return new FeedPosition(Math.Max(0, _round), elapsed, null, 1, _messages) { Source = $"{_name}, {(_client.IsConnected ? "connected" : "not connected")}" };
            }
        }
    }

    /// <inheritdoc/>
    public void Start()
    {
        lock (_turn)
        {
            if (_isStarted || _stopped)
            {
                return;
            }

            _isStarted = true;
            _started = _time.GetTimestamp();
            _client.Start();
            _following = FollowAsync();
        }
    }

    /// <inheritdoc/>
    public void Stop()
    {
        lock (_turn)
        {
            _stopped = true;
        }

        _stopping.Cancel();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Stop();
        await _client.DisposeAsync();
        await _following;
        Task[] tasks;
        lock (_turn)
        {
            tasks = [.. _tasks];
        }

        await Task.WhenAll(tasks);
        _stopping.Dispose();
    }

    private async Task FollowAsync()
    {
        try
        {
            foreach (Symbol symbol in Symbols)
            {
                await _client.SubscribeAsync(symbol.TickerTopic, (message, _) => Take(symbol, message, OnTicker), cancellationToken: _stopping.Token);
                await _client.SubscribeAsync(symbol.MatchTopic, (message, _) => Take(symbol, message, OnMatch), cancellationToken: _stopping.Token);
                await _client.SubscribeAsync(symbol.Level2Topic, (message, _) => Take(symbol, message, OnLevel2), cancellationToken: _stopping.Token);
            }
        }
        catch (Exception e) when (e is WsTopicException or ObjectDisposedException or OperationCanceledException)
        {
            if (!_stopping.IsCancellationRequested)
            {
                LogEnded(e, _name);
            }
        }
    }

    private ValueTask Take(Symbol symbol, WsTopicMessage message, Action<Symbol, ReadOnlySpan<byte>> take)
    {
        lock (_turn)
        {
            if (_stopped)
            {
                return default;
            }

            if (message.Gap is { PreviousEpoch: not null } && _client.Connection is { Number: var number } && number != _connection)
            {
                // Another desk, or the same one begun anew: what is known of the books belongs to another time.
                _connection = number;
                _followedRound = -1;
            }

            if (!message.IsGap)
            {
                take(symbol, message.Data.Span);
                _messages++;
            }
        }

        return default;
    }

    private void OnTicker(Symbol symbol, ReadOnlySpan<byte> data)
    {
        var line = FollowedJson.ReadTicker(data, out long round, out long unixMilliseconds);
        _sink.OnBookTicker(symbol, MomentOf(round, unixMilliseconds), line);
    }

    private void OnMatch(Symbol symbol, ReadOnlySpan<byte> data)
    {
        var line = FollowedJson.ReadMatch(data, out long round);
        _sink.OnTrade(symbol, MomentOf(round, line.EventUnixMilliseconds), line);
    }

    private void OnLevel2(Symbol symbol, ReadOnlySpan<byte> data)
    {
        var line = FollowedJson.ReadLevel2(data, out long round);
        _sink.OnDepth(symbol, MomentOf(round, line.EventUnixMilliseconds), line);
        if (!_books[symbol].IsSynchronized && !_asksBook[symbol.Index])
        {
            _asksBook[symbol.Index] = true;
            _tasks.RemoveAll(static task => task.IsCompleted);
            _tasks.Add(Task.Run(() => AskBookAsync(symbol)));
        }
    }

    private MarketMoment MomentOf(long round, long unixMilliseconds)
    {
        if (round != _followedRound)
        {
            _followedRound = round;
            _sink.OnRound(++_round);
        }

        return new MarketMoment(_round, _time.GetElapsedTime(_started), unixMilliseconds * 1_000_000);
    }

    /// <summary>Asks for a whole book until there is one. Its changes wait for it meanwhile.</summary>
    private async Task AskBookAsync(Symbol symbol)
    {
        byte[] request = JsonSerializer.SerializeToUtf8Bytes(new BookRequest(symbol.Pair, DeskFields.MaxDepth), DeskJson.Default.BookRequest);
        try
        {
            while (true)
            {
                long round;
                lock (_turn)
                {
                    round = _round;
                }

                try
                {
                    using WsTopicMessage answer = await _client.WriteAsync(new WsTopicRequest("get_book") { Data = request }, _stopping.Token);
                    if (TryTakeBook(symbol, round, answer.Data.Span))
                    {
                        return;
                    }
                }
                catch (Exception e) when (e is WsTopicException or WsSendException && !_stopping.IsCancellationRequested)
                {
                    // The other desk waits for its own snapshot, or is away for a moment.
                    LogNoBook(e.Message, symbol.Pair);
                }

                await Task.Delay(BookRetryInterval, _time, _stopping.Token);
            }
        }
        catch (Exception e)
        {
            if (!_stopping.IsCancellationRequested)
            {
                LogEnded(e, _name);
            }
        }
        finally
        {
            lock (_turn)
            {
                _asksBook[symbol.Index] = false;
            }
        }
    }

    /// <summary>A book of a round that is over would keep the changes of the next one out.</summary>
    private bool TryTakeBook(Symbol symbol, long round, ReadOnlySpan<byte> data)
    {
        lock (_turn)
        {
            if (_stopped || round != _round)
            {
                return _stopped;
            }

            _sink.OnSnapshot(symbol, new MarketMoment(_round, _time.GetElapsedTime(_started), _time.GetUtcNow().ToUnixTimeMilliseconds() * 1_000_000), FollowedJson.ReadBook(data));
            return _books[symbol].IsSynchronized;
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Following {Desk} has ended")]
    private partial void LogEnded(Exception exception, string desk);

    [LoggerMessage(2, LogLevel.Debug, "The book of {Symbol} was not to be had, and is asked for again: {Why}")]
    private partial void LogNoBook(string why, string symbol);
}
