using PipeWs.Shared;

namespace PipeWs.Conformance.Matrix;

/// <summary>What a peer sends in a case, in order, and what it must be answered with.</summary>
internal sealed class Script(bool isServerUnderTest, bool isFull)
{
    private readonly List<ScriptStep> _steps = [];
    private readonly List<ExpectedAnswer> _expected = [];
    private bool _isOver;

    /// <summary>Whether the side under test is a server, and the peer so a client.</summary>
    public bool IsServerUnderTest => isServerUnderTest;

    /// <summary>Whether it is the full run.</summary>
    public bool IsFull => isFull;

    /// <summary>In which pieces what follows is sent.</summary>
    public Chop Chop { get; set; } = Chop.Whole;

    /// <summary>Whether the peer answers a close frame by ending its side of the transport; otherwise the other side ends it of itself.</summary>
    public bool EndsTransport { get; set; } = true;

    /// <summary>Whether some of what comes back must be compressed; null where there is nothing to say.</summary>
    public bool? IsCompressed { get; set; }

    public IReadOnlyList<ScriptStep> Steps
    {
        get
        {
            End();
            return _steps;
        }
    }

    public IReadOnlyList<ExpectedAnswer> Expected
    {
        get
        {
            End();
            return _expected;
        }
    }

    /// <summary>Sends frames together.</summary>
    public Script Send(params IReadOnlyList<WireFrame> frames)
    {
        _steps.Add(new SendStep(frames, Chop));
        return this;
    }

    /// <summary>Waits until all that is expected so far has come.</summary>
    public Script Await()
    {
        _steps.Add(new AwaitStep(_expected.Count));
        return this;
    }

    /// <summary>Ends the peer's side of the transport.</summary>
    public Script Finish()
    {
        _steps.Add(new FinishStep());
        _isOver = true;
        return this;
    }

    public Script Echoes(int opcode, byte[] payload)
    {
        _expected.Add(new ExpectedAnswer(opcode, payload));
        return this;
    }

    public Script Pongs(byte[] payload)
    {
        _expected.Add(new ExpectedAnswer(RawFrame.Pong, payload));
        return this;
    }

    /// <summary>The side under test closes with this code, or answers a close frame with it; null for none. Nothing follows.</summary>
    public Script Closes(int? code)
    {
        _expected.Add(new ExpectedAnswer(RawFrame.Close, code is { } known ? [(byte)(known >> 8), (byte)known] : []));
        _isOver = true;
        return this;
    }

    /// <summary>Sends a message, and expects it back.</summary>
    public Script Message(int opcode, byte[] payload) => Send(new WireFrame(opcode, payload)).Echoes(opcode, payload);

    /// <summary>Sends a message in fragments of at most so many bytes, each handed to the socket by itself, and expects it back.</summary>
    public Script Fragments(int opcode, byte[] payload, int fragmentBytes)
    {
        for (int sent = 0; sent == 0 || sent < payload.Length; sent += fragmentBytes)
        {
            int length = Math.Min(fragmentBytes, payload.Length - sent);
            Send(new WireFrame(sent == 0 ? opcode : RawFrame.Continuation, payload[sent..(sent + length)], Fin: sent + length == payload.Length));
        }

        return Echoes(opcode, payload);
    }

    /// <summary>Sends a message compressed, in fragments of at most so many bytes, and expects it back.</summary>
    public Script Deflated(int opcode, byte[] payload, int fragmentBytes = int.MaxValue)
    {
        _steps.Add(new DeflateStep(opcode, payload, fragmentBytes, Chop));
        return Echoes(opcode, payload);
    }

    /// <summary>Sends a ping and waits for its pong: the side under test has taken what came before, and has not failed.</summary>
    public Script Lives()
    {
        byte[] payload = [(byte)'?', (byte)_expected.Count, (byte)(_expected.Count >> 8)];
        return Send(new WireFrame(RawFrame.Ping, payload)).Pongs(payload).Await();
    }

    private void End()
    {
        if (!_isOver)
        {
            // Every case ends by itself or is ended as a good peer does.
            Send(Frames.Close(1000)).Closes(1000);
        }
    }
}

/// <summary>A message, a pong or a close frame that must come.</summary>
internal sealed record ExpectedAnswer(int Opcode, byte[] Payload);

internal abstract record ScriptStep;

internal sealed record SendStep(IReadOnlyList<WireFrame> Frames, Chop Chop) : ScriptStep;

internal sealed record DeflateStep(int Opcode, byte[] Payload, int FragmentBytes, Chop Chop) : ScriptStep;

internal sealed record AwaitStep(int Answers) : ScriptStep;

internal sealed record FinishStep : ScriptStep;
