using System.Diagnostics;
using System.Text.RegularExpressions;
using PipeWs.Conformance.Subjects;

namespace PipeWs.Conformance.Matrix;

/// <summary>What a case must come to, and what it came to.</summary>
internal sealed partial record CaseResult(ConformanceCase Case, string Expected, string Outcome, TimeSpan Duration)
{
    public bool IsRight => Expected == Outcome;

    /// <summary>The outcome as it is on file.</summary>
    public string Filed => Case.IsScaled ? Counts().Replace(Outcome, " xN") : Outcome;

    [GeneratedRegex(" x[0-9]+")]
    private static partial Regex Counts();
}

/// <summary>Runs one case against one side.</summary>
internal static class CaseRun
{
    /// <summary>The agreement where the side under test refused it.</summary>
    public const string Refused = "refused";

    public static async Task<CaseResult> RunAsync(ConformanceCase theCase, ISubject subject, bool isFull)
    {
        var script = new Script(subject.IsServer, isFull);
        theCase.Write(script);
        string expected = theCase.Agreement == Refused ? Refused : (theCase.Agreement is { } agreement ? agreement + ": " : "") + Observer.OutcomeOf(script);
        long start = Stopwatch.GetTimestamp();
        string outcome;
        try
        {
            await using CaseConnection connection = await subject.OpenAsync(theCase.Setup, theCase.Extensions);
            if (connection.Agreement == Refused)
            {
                return new CaseResult(theCase, expected, Refused, Stopwatch.GetElapsedTime(start));
            }

            var observer = new Observer(connection, script);
            Task reading = observer.ReadAsync();
            await PlayAsync(script, connection, observer, subject.IsServer);
            await reading;
            outcome = (connection.Agreement is { } agreed ? agreed + ": " : "") + observer.Outcome;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TimeoutException or System.Net.Sockets.SocketException)
        {
            outcome = $"no connection: {e.Message}";
        }

        return new CaseResult(theCase, expected, outcome, Stopwatch.GetElapsedTime(start));
    }

    private static async Task PlayAsync(Script script, CaseConnection connection, Observer observer, bool masks)
    {
        uint key = 0x37FA213D;
        try
        {
            foreach (ScriptStep step in script.Steps)
            {
                switch (step)
                {
                    case SendStep send:
                        await SendAsync(send.Frames, send.Chop);
                        break;
                    case DeflateStep send:
                        await SendAsync(connection.Compression!.Encode(send.Opcode, send.Payload, send.FragmentBytes), send.Chop);
                        break;
                    case AwaitStep wait:
                        if (!await observer.WaitAsync(wait.Answers))
                        {
                            return;
                        }

                        break;
                    case FinishStep:
                        connection.FinishSending();
                        break;
                }
            }
        }
        catch (IOException)
        {
            // It has ended; what came before the end is what counts.
        }

        async Task SendAsync(IReadOnlyList<WireFrame> frames, Chop chop)
        {
            byte[] bytes = frames.Count == 1 ? frames[0].Encode(masks, Next()) : [.. frames.SelectMany(frame => frame.Encode(masks, Next()))];
            int sent = 0;
            foreach (int length in chop.Cut(bytes.Length))
            {
                await connection.SendAsync(bytes.AsMemory(sent, length));
                sent += length;
            }
        }

        uint Next() => key = (key * 1664525) + 1013904223;
    }
}
