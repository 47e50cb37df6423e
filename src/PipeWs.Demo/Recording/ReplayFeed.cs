using PipeWs.Demo.Market;

namespace PipeWs.Demo.Recording;

/// <summary>
/// Replays a recording with its own timing, for ever. A message's time is computed from the moment of the start, so that lateness never adds up;
/// all that is due when the timer fires goes out in one batch.
/// </summary>
public sealed partial class ReplayFeed : IMarketFeed, IDisposable
{
    /// <summary>After so many messages in one go the rest waits for the timer's next tick, so that a speed the machine cannot keep up with still leaves it a breath.</summary>
    internal const int MaxBatchMessages = 8_192;

    /// <summary>The pause between the last message of a round and the first of the next, in the recording's time.</summary>
    internal static readonly TimeSpan RoundPause = TimeSpan.FromSeconds(1);

    private readonly MarketRecording _recording;
    private readonly IMarketSink _sink;
    private readonly TimeProvider _time;
    private readonly double _speed;
    private readonly ILogger _logger;
    private readonly TimeSpan _period;
    private readonly Lock _turn = new();
    private ITimer? _timer;
    private long _started;
    private long _round;
    private int _next;
    private long _messages;
    private bool _stopped;

    /// <summary>Prepares a replay.</summary>
    /// <param name="recording">What to replay.</param>
    /// <param name="sink">Who gets the messages.</param>
    /// <param name="time">Drives the replay.</param>
    /// <param name="speed">The recording's seconds per second; more than zero.</param>
    /// <param name="logger">Hears of messages that the sink failed to take.</param>
    public ReplayFeed(MarketRecording recording, IMarketSink sink, TimeProvider time, double speed, ILogger<ReplayFeed> logger)
    {
        if (!double.IsFinite(speed) || speed <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(speed), speed, "The speed must be more than zero.");
        }

        _recording = recording;
        _sink = sink;
        _time = time;
        _speed = speed;
        _logger = logger;
        _period = recording.Duration + RoundPause;
    }

    /// <inheritdoc/>
    public IReadOnlyList<Symbol> Symbols => _recording.Symbols;

    /// <inheritdoc/>
    public FeedPosition Position
    {
        get
        {
            lock (_turn)
            {
                var elapsed = _next == 0 ? TimeSpan.Zero : _recording.Offset(_recording.Lines[_next - 1]);
                return new FeedPosition(_round, elapsed, _recording.Duration, _speed, _messages);
            }
        }
    }

    /// <inheritdoc/>
    public void Start()
    {
        lock (_turn)
        {
            if (_timer is not null || _stopped)
            {
                return;
            }

            _started = _time.GetTimestamp();
            _timer = _time.CreateTimer(static state => ((ReplayFeed)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _sink.OnRound(0);
            _timer.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Stop()
    {
        lock (_turn)
        {
            _stopped = true;
            _timer?.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Stop();

    private void Tick()
    {
        lock (_turn)
        {
            if (_stopped)
            {
                return;
            }

            var due = SendDue();
            _timer!.Change(due, Timeout.InfiniteTimeSpan);
        }
    }

    /// <returns>How long until the next message.</returns>
    private TimeSpan SendDue()
    {
        for (int sent = 0; sent < MaxBatchMessages; sent++)
        {
            // A round ends when the next one begins: until then the books stay as its last message left them.
            bool isOver = _next == _recording.Lines.Length;
            ref readonly var line = ref _recording.Lines[isOver ? 0 : _next];
            var marketTime = ((isOver ? _round + 1 : _round) * _period) + _recording.Offset(line);
            var wait = (marketTime / _speed) - _time.GetElapsedTime(_started);
            if (wait > TimeSpan.Zero)
            {
                // Timers count whole milliseconds; what is rounded down would fire early and find nothing due.
                return TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds));
            }

            if (isOver)
            {
                _next = 0;
                _round++;
                _sink.OnRound(_round);
            }

            _next++;
            _messages++;
            try
            {
                Send(line, new MarketMoment(_round, marketTime, line.ReceivedUnixNanoseconds));
            }
#pragma warning disable CA1031 // The feed outlives whatever a single message does to its listeners.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                LogMessageFailed(exception, _next, _round);
            }
        }

        return TimeSpan.Zero;
    }

    private void Send(in RecordedLine line, in MarketMoment moment)
    {
        var symbol = _recording.Symbols[line.Symbol];
        var json = _recording.Json(line);
        switch (line.Kind)
        {
            case RecordedKind.BookTicker:
                _sink.OnBookTicker(symbol, moment, RecordedJson.ReadBookTicker(json));
                break;
            case RecordedKind.Trade:
                _sink.OnTrade(symbol, moment, RecordedJson.ReadTrade(json));
                break;
            case RecordedKind.Depth:
                _sink.OnDepth(symbol, moment, RecordedJson.ReadDepth(json));
                break;
            default:
                _sink.OnSnapshot(symbol, moment, RecordedJson.ReadSnapshot(json));
                break;
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Line {Line} of round {Round} failed")]
    private partial void LogMessageFailed(Exception exception, int line, long round);
}
