using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using PipeWs.LoadTest.Measurement;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Load;

/// <summary>What one thread does with its connections, and what it counts. Its members run on that thread; other threads only read the counters.</summary>
internal abstract class Workload
{
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private long _messages;
    private long _errors;
    private long _closedByServer;
    private volatile bool _recording;
    private volatile bool _stopping;

    /// <summary>The messages that came as they should.</summary>
    public long Messages => Volatile.Read(ref _messages);

    /// <summary>The messages that did not: other bytes than were sent, out of turn, twice, or connections that broke the protocol.</summary>
    public long Errors => Volatile.Read(ref _errors);

    /// <summary>Connections that the server ended.</summary>
    public long ClosedByServer => Volatile.Read(ref _closedByServer);

    /// <summary>What the first error was.</summary>
    public string? FirstError { get; private set; }

    /// <summary>The latencies of the measured time.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Whether latencies are recorded.</summary>
    public bool Recording { get => _recording; set => _recording = value; }

    /// <summary>Whether no more messages are sent.</summary>
    public bool Stopping { get => _stopping; set => _stopping = value; }

    /// <summary>Sends again after it was stopped. From any thread; at the latest within a turn.</summary>
    public virtual void Resume() => Stopping = false;

    /// <summary>When the bytes that are being read were received.</summary>
    public long Now { get; set; }

    /// <summary>Called on the thread before its first turn.</summary>
    public virtual void OnStart(IReadOnlyList<LoadConnection> connections)
    {
    }

    /// <summary>A message, without SignalR's envelope.</summary>
    public abstract void OnMessage(LoadConnection connection, Opcode type, ReadOnlySpan<byte> payload);

    /// <summary>All that one read gave was handled.</summary>
    public virtual void OnReadEnd(LoadConnection connection)
    {
    }

    /// <summary>Called once a turn of the thread.</summary>
    /// <returns>After how many milliseconds it must be called again at the latest.</returns>
    public virtual int OnTurn() => LoadThread.MaxTurnMilliseconds;

    /// <summary>Notes a message that none of this load can be.</summary>
    public void OnForeignMessage() => OnError("A message that this load did not send.");

    /// <summary>Notes an error.</summary>
    public void OnError(string error)
    {
        FirstError ??= error;
        Volatile.Write(ref _errors, _errors + 1);
    }

    /// <summary>Notes that the server ended a connection.</summary>
    public void OnClosedByServer(ReadOnlySpan<byte> closePayload)
    {
        string code = closePayload.Length < 2 ? "without a code" : BinaryPrimitives.ReadUInt16BigEndian(closePayload).ToString(CultureInfo.InvariantCulture);
        FirstError ??= $"The server ended a connection ({code}).";
        Volatile.Write(ref _closedByServer, _closedByServer + 1);
    }

    /// <summary>Counts a message.</summary>
    protected void Count(in LoadStamp stamp)
    {
        Volatile.Write(ref _messages, _messages + 1);
        if (_recording)
        {
            Latencies.Record((long)((Now - stamp.Timestamp) * NanosecondsPerTick));
        }
    }
}
