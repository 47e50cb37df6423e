using System.Diagnostics;
using PipeWs.Conformance.Subjects;

namespace PipeWs.Conformance.Matrix;

/// <summary>What a case must come to, and what it came to.</summary>
internal sealed record CaseResult(ConformanceCase Case, string Expected, string Outcome, TimeSpan Duration)
{
    public bool IsRight => Expected == Outcome;
}

/// <summary>Runs one case against one side.</summary>
internal static class CaseRun
{
    public static async Task<CaseResult> RunAsync(ConformanceCase theCase, ISubject subject, bool isFull)
    {
        var script = new Script(subject.IsServer, isFull);
        theCase.Write(script);
        string expected = Observer.OutcomeOf(script.Expected);
        long start = Stopwatch.GetTimestamp();
        string outcome;
        try
        {
            await using CaseConnection connection = await subject.OpenAsync(theCase.Setup);
            var observer = new Observer(connection, script);
            Task reading = observer.ReadAsync();
            await PlayAsync(script, connection, observer, subject.IsServer);
            await reading;
            outcome = observer.Outcome;
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
                        byte[] bytes = send.Frames.Count == 1 ? send.Frames[0].Encode(masks, Next()) : [.. send.Frames.SelectMany(frame => frame.Encode(masks, Next()))];
                        int sent = 0;
                        foreach (int length in send.Chop.Cut(bytes.Length))
                        {
                            await connection.SendAsync(bytes.AsMemory(sent, length));
                            sent += length;
                        }

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

        uint Next() => key = (key * 1664525) + 1013904223;
    }
}
