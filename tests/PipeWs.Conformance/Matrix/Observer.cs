using System.Globalization;
using System.Text;
using PipeWs.Shared;

namespace PipeWs.Conformance.Matrix;

/// <summary>Reads what comes from the side under test, and says of each answer whether it is the expected one.</summary>
internal sealed class Observer(CaseConnection connection, Script script)
{
    private readonly List<string> _answers = [];
    private readonly List<(int Count, TaskCompletionSource Reached)> _waiting = [];
    private readonly Lock _lock = new();
    private int _opcode = -1;
    private bool _isDeflated;
    private List<byte[]> _fragments = [];
    private bool _ended;

    /// <summary>All answers in a line; what repeats is counted.</summary>
    public string Outcome
    {
        get
        {
            lock (_lock)
            {
                return Summarize(_answers);
            }
        }
    }

    /// <summary>What the outcome must be.</summary>
    public static string OutcomeOf(Script script) =>
        Summarize([.. script.Expected.Select(answer => Name(answer.Opcode, answer.Payload)), "end", .. script.IsCompressed is { } isCompressed ? [Compressed(isCompressed)] : Array.Empty<string>()]);

    /// <summary>Reads to the transport's end.</summary>
    public async Task ReadAsync()
    {
        try
        {
            while (await connection.Peer.TryReadFrameAsync() is { } frame)
            {
                Take(frame);
            }

            Add(_opcode < 0 ? "end" : "end inside a message");
            if (script.IsCompressed is not null && connection.Compression is { } compression)
            {
                Add(Compressed(compression.WasUsed));
            }
        }
        catch (TimeoutException)
        {
            Add("silence");
        }
        catch (InvalidDataException e)
        {
            Add(e.Message);
        }
        finally
        {
            lock (_lock)
            {
                _ended = true;
                _waiting.ForEach(static waiting => waiting.Reached.TrySetResult());
            }
        }
    }

    /// <summary>Waits until so many answers have come, or none can come any more.</summary>
    /// <returns>Whether they have.</returns>
    public async Task<bool> WaitAsync(int answers)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_ended || _answers.Count >= answers)
            {
                return _answers.Count >= answers;
            }

            _waiting.Add((answers, reached));
        }

        await reached.Task;
        lock (_lock)
        {
            return _answers.Count >= answers;
        }
    }

    private void Take(RawFrame frame)
    {
        int opcode = frame.Opcode;
        byte[] payload = frame.Payload;
        bool isFirst = opcode is RawFrame.Text or RawFrame.Binary;
        if (frame.Rsv != 0 && !(isFirst && frame.Rsv == 0x40 && connection.Compression is not null))
        {
            throw new InvalidDataException($"reserved bits {frame.Rsv:X2} on a {Frames.NameOf(opcode)} frame");
        }

        if (opcode < RawFrame.Close)
        {
            if (isFirst != (_opcode < 0))
            {
                throw new InvalidDataException("fragments out of order");
            }

            if (isFirst)
            {
                _opcode = opcode;
                _isDeflated = frame.Rsv != 0;
            }

            _fragments.Add(payload);
            if (!frame.Fin)
            {
                return;
            }

            opcode = _opcode;
            payload = _fragments.Count == 1 ? payload : [.. _fragments.SelectMany(static fragment => fragment)];
            payload = _isDeflated ? connection.Compression!.Inflate(payload) : payload;
            _fragments = [];
            _opcode = -1;
        }

        Add(Judge(opcode, payload));
        if (opcode == RawFrame.Close && script.EndsTransport)
        {
            connection.FinishSending();
        }
    }

    private string Judge(int opcode, byte[] payload)
    {
        string name = Name(opcode, payload);
        if (_answers.Count >= script.Expected.Count)
        {
            return $"unexpected {name}";
        }

        ExpectedAnswer expected = script.Expected[_answers.Count];
        string expectedName = Name(expected.Opcode, expected.Payload);
        if (name != expectedName || opcode == RawFrame.Close)
        {
            // Of a close frame the code counts; its reason is the closing side's own, but must be text.
            return opcode == RawFrame.Close && payload.Length > 2 && !System.Text.Unicode.Utf8.IsValid(payload.AsSpan(2)) ? name + " with a reason that is no text" : name;
        }

        int at = payload.AsSpan().CommonPrefixLength(expected.Payload);
        return at == payload.Length && at == expected.Payload.Length
            ? name
            : string.Create(CultureInfo.InvariantCulture, $"{name} of {payload.Length} bytes for {expected.Payload.Length}, different from byte {at} on");
    }

    private void Add(string answer)
    {
        lock (_lock)
        {
            _answers.Add(answer);
            for (int i = _waiting.Count - 1; i >= 0; i--)
            {
                if (_answers.Count >= _waiting[i].Count)
                {
                    _waiting[i].Reached.TrySetResult();
                    _waiting.RemoveAt(i);
                }
            }
        }
    }

    private static string Compressed(bool isCompressed) => isCompressed ? "compressed" : "plain";

    private static string Name(int opcode, byte[] payload) => opcode switch
    {
        RawFrame.Close when payload.Length == 0 => "close",
        RawFrame.Close when payload.Length == 1 => "close of one byte",
        RawFrame.Close => string.Create(CultureInfo.InvariantCulture, $"close {(payload[0] << 8) | payload[1]}"),
        _ => Frames.NameOf(opcode),
    };

    private static string Summarize(List<string> answers)
    {
        var line = new StringBuilder();
        for (int i = 0; i < answers.Count;)
        {
            int count = 1;
            while (i + count < answers.Count && answers[i + count] == answers[i])
            {
                count++;
            }

            line.Append(line.Length == 0 ? "" : ", ").Append(answers[i]);
            if (count > 1)
            {
                line.Append(CultureInfo.InvariantCulture, $" x{count}");
            }

            i += count;
        }

        return line.ToString();
    }
}
