using System.Text;

namespace PipeWs.Testing;

// What a failure says.
public sealed partial class WsTestPeer
{
    private const int MaxHistory = 12;
    private const int MaxShownChars = 500;

    private readonly Queue<string> _history = new();

    private void Log(WsRawFrame frame, bool isSent)
    {
        lock (_history)
        {
            if (_history.Count == MaxHistory)
            {
                _history.Dequeue();
            }

            _history.Enqueue($"  {(isSent ? "sent" : "came")} {frame}");
        }
    }

    private WsAssertionException Failure(string expected, string instead)
    {
        var text = new StringBuilder();
        text.Append("Expected: ").Append(expected).Append(".\nBut ").Append(instead).Append(".\n");
        lock (_gate)
        {
            string waiting = string.Join("\n", _inbox.Take(MaxHistory).Select(static arrived => $"  {arrived.Frame}"));
            text.Append(waiting.Length == 0 ? "Nothing is left to be read." : $"Left to be read, {_inbox.Count} frames:\n{waiting}").Append('\n');
            text.Append(DescribeEnd() is { } end ? $"This end: {end}.\n" : "");
        }

        lock (_history)
        {
            text.Append(_history.Count == 0 ? "No frame was sent and none came.\n" : $"The last frames:\n{string.Join("\n", _history)}\n");
        }

        text.Append(_transport.Describe());
        return new WsAssertionException(text.ToString().TrimEnd());
    }

    private static string Shorten(string text) => text.Length <= MaxShownChars ? text : string.Concat(text.AsSpan(0, MaxShownChars), "...");
}
