using System.Globalization;
using System.Text;
using PipeWs.Client;
using PipeWs.LoadTest.Load;

namespace PipeWs.LoadTest.EchoClient;

/// <summary>Runs all cases of a suite that judges clients: asks how many there are, echoes through one after the other, and asks for the reports.</summary>
internal static class EchoClientRun
{
    /// <summary>Runs.</summary>
    /// <exception cref="WsDialException">The suite is not there, or not any more.</exception>
    /// <exception cref="InvalidDataException">It did not say how many cases it has.</exception>
    public static async Task<EchoClientResult> RunAsync(EchoClientOptions options, ILoadProgress progress, CancellationToken cancellationToken)
    {
        byte[]? told = await EchoSession.ListenAsync(options.CaseCount, cancellationToken);
        string text = told is null ? "" : Encoding.UTF8.GetString(told);
        if (!int.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int cases))
        {
            throw new InvalidDataException($"The suite was asked for its number of cases and said '{(text.Length > 80 ? text[..80] : text)}'.");
        }

        var result = new EchoClientResult { Cases = cases };
        for (int number = 1; number <= cases; number++)
        {
            try
            {
                WsDisconnect end = await EchoSession.EchoAsync(options.RunCase(number), cancellationToken);
                progress.Report(string.Create(CultureInfo.InvariantCulture, $"case {number} of {cases} ended with {end.Code} ({(end.Initiator == WsCloseInitiator.Local ? "this side" : "the suite")}) {end.Reason}").TrimEnd());
            }
            catch (WsDialException e)
            {
                // Cases follow that have nothing to do with this one.
                result.Unopened.Add(number);
                progress.Report(string.Create(CultureInfo.InvariantCulture, $"case {number} of {cases} was not opened: {e.Message}"));
            }
        }

        await EchoSession.ListenAsync(options.UpdateReports, cancellationToken);
        return result;
    }
}

/// <summary>What the client knows of a run; what the suite thinks of it is in the suite's reports.</summary>
internal sealed class EchoClientResult
{
    /// <summary>How many cases the suite has.</summary>
    public required int Cases { get; init; }

    /// <summary>The cases whose handshake failed.</summary>
    public List<int> Unopened { get; } = [];
}
