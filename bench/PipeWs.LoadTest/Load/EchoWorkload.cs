using System.Diagnostics;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>
/// A closed loop: each connection keeps the same number of messages in flight, and each echo, once verified, lets the next one go.
/// </summary>
/// <remarks>
/// All that one read brought back is answered by one send. With more than one message in flight the load therefore comes in batches as large as the server's own
/// sends: a server that answers a batch with one send is sent the next batch in one piece, one that sends every echo alone tends to get messages alone.
/// That is how a pipelining client behaves, and the saving belongs to the server that caused it.
/// As in every closed loop, a server that stalls is sent less meanwhile, so latencies are those of messages sent and not of a fixed schedule.
/// </remarks>
internal sealed class EchoWorkload(LoadOptions options) : Workload
{
    private readonly MessageTemplate _template = new(options);
    private readonly Opcode _type = options.Binary ? Opcode.Binary : Opcode.Text;
    private IReadOnlyList<LoadConnection> _connections = [];
    private volatile bool _resumes;
    private long _sent;

    /// <summary>How many messages were sent.</summary>
    public long Sent => Volatile.Read(ref _sent);

    public override void OnStart(IReadOnlyList<LoadConnection> connections)
    {
        _connections = connections;
        Begin();
    }

    public override void Resume() => _resumes = true;

    public override int OnTurn()
    {
        if (_resumes)
        {
            _resumes = false;
            Stopping = false;
            Begin();
        }

        return base.OnTurn();
    }

    public override void OnMessage(LoadConnection connection, Opcode type, ReadOnlySpan<byte> payload)
    {
        if (type != _type || !LoadStamp.TryRead(payload, out LoadStamp stamp) || stamp.Origin != (uint)connection.Index || !_template.Matches(payload))
        {
            OnError("An echo that is not what was sent.");
            return;
        }

        if (stamp.Sequence != connection.NextExpected[0])
        {
            OnError($"Connection {connection.Index} got echo {stamp.Sequence} where {connection.NextExpected[0]} was due.");
        }

        connection.NextExpected[0] = stamp.Sequence + 1;

        // Sent is counted before received: while a message may still follow, the two never look equal to those who wait for the end.
        if (!Stopping)
        {
            Send(connection);
        }

        Count(stamp);
    }

    public override void OnReadEnd(LoadConnection connection) => connection.Flush();

    private void Begin()
    {
        foreach (LoadConnection connection in _connections)
        {
            if (connection.IsClosed)
            {
                continue;
            }

            Now = Stopwatch.GetTimestamp();
            for (int i = 0; i < options.InFlight; i++)
            {
                Send(connection);
            }

            connection.Flush();
        }
    }

    private void Send(LoadConnection connection)
    {
        connection.Append(_template, new LoadStamp(connection.NextToSend++, Now, (uint)connection.Index));
        Volatile.Write(ref _sent, _sent + 1);
    }
}
