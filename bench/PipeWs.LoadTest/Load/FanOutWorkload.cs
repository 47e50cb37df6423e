using System.Diagnostics;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// Subscribers that each count and check what they get: every publisher's numbers in order, nothing twice. Deliveries that do not come at all show in the totals.
/// </summary>
/// <remarks>
/// With a window it is a closed loop: at 1 the server never has more than one message to send to a subscriber and cannot coalesce; at 64 it may put up to 64 into
/// one send. With a rate it is open: messages are due at fixed times, though a turn waits for whole milliseconds, so that above 1,000 messages a second they come in groups.
/// </remarks>
internal sealed class FanOutWorkload : Workload
{
    private readonly LoadOptions _options;
    private readonly MessageTemplate _template;
    private readonly Opcode _type;
    private readonly Action _onProbed;
    private FanOutPublisher[] _publishers = [];
    private int[][] _received = [];
    private int _ringMask;
    private int _subscribers;
    private bool _paces;
    private long _paceStart;
    private long _pacedSince;
    private long _paced;

    public FanOutWorkload(LoadOptions options, Action onProbed)
    {
        _options = options;
        _template = new MessageTemplate(options);
        _type = options.Binary ? Opcode.Binary : Opcode.Text;
        _onProbed = onProbed;
    }

    /// <summary>Tells the workload of the publishers and of its share of the subscribers, before its thread starts.</summary>
    /// <param name="publishers">All publishers.</param>
    /// <param name="subscribers">How many connections this thread has.</param>
    /// <param name="paces">Whether this thread keeps the rate.</param>
    public void SetUp(FanOutPublisher[] publishers, int subscribers, bool paces)
    {
        int ring = FanOutPublisher.GetRingLength(_options.Window);
        _publishers = publishers;
        _received = Array.ConvertAll(publishers, _ => new int[ring]);
        _ringMask = ring - 1;
        _subscribers = subscribers;
        _paces = paces;
    }

    /// <summary>Starts the rate's clock, or starts it anew. From any thread.</summary>
    public void StartPacing() => Volatile.Write(ref _paceStart, Stopwatch.GetTimestamp());

    public override void OnMessage(LoadConnection connection, Opcode type, ReadOnlySpan<byte> payload)
    {
        if (type != _type || !LoadStamp.TryRead(payload, out LoadStamp stamp) || !_template.Matches(payload))
        {
            OnError("A delivery that is not what was published.");
            return;
        }

        if (stamp.Origin == LoadStamp.ProbeOrigin)
        {
            if (!connection.Probed)
            {
                connection.Probed = true;
                _onProbed();
            }

            return;
        }

        if (stamp.Origin >= _publishers.Length)
        {
            OnForeignMessage();
            return;
        }

        ref long expected = ref connection.NextExpected[stamp.Origin];
        if (stamp.Sequence < expected)
        {
            OnError($"Subscriber {connection.Index} got message {stamp.Sequence} of publisher {stamp.Origin} after {expected - 1}.");
            return;
        }

        expected = stamp.Sequence + 1;
        Count(stamp);
        if (_options.Rate is null)
        {
            ref int received = ref _received[stamp.Origin][stamp.Sequence & _ringMask];
            if (++received == _subscribers)
            {
                received = 0;
                _publishers[stamp.Origin].OnThreadDone(stamp.Sequence);
            }
        }
    }

    public override int OnTurn()
    {
        long start = Volatile.Read(ref _paceStart);
        if (!_paces || start == 0 || Stopping)
        {
            return LoadThread.MaxTurnMilliseconds;
        }

        if (_pacedSince != start)
        {
            _pacedSince = start;
            _paced = 0;
        }

        double rate = _options.Rate!.Value;
        double due = Stopwatch.GetElapsedTime(start).TotalSeconds * rate;
        while (_paced < due)
        {
            _publishers[_paced++ % _publishers.Length].Publish();
        }

        double wait = (_paced - due) / rate * 1000;
        return (int)Math.Clamp(Math.Ceiling(wait), 1, LoadThread.MaxTurnMilliseconds);
    }
}
