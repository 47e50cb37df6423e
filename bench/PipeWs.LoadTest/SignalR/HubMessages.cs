using System.Text;

namespace PipeWs.LoadTest.SignalR;

/// <summary>The few messages of SignalR's JSON hub protocol that a load needs. Each ends with the record separator, 0x1E.</summary>
internal static class HubMessages
{
    /// <summary>What ends each message.</summary>
    public const byte RecordSeparator = 0x1E;

    /// <summary>How often a client that says nothing else says that it lives; the server gives up after 30 s.</summary>
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(10);

    /// <summary>The first message of a connection: which protocol follows.</summary>
    public static ReadOnlySpan<byte> Handshake => "{\"protocol\":\"json\",\"version\":1}\u001e"u8;

    /// <summary>The server's answer where it accepts.</summary>
    public static ReadOnlySpan<byte> HandshakeAccepted => "{}"u8;

    /// <summary>The keep-alive of either side.</summary>
    public static ReadOnlySpan<byte> Ping => "{\"type\":6}\u001e"u8;

    /// <summary>An invocation of a method with one string, without an id: nobody answers it but by an invocation of its own.</summary>
    /// <param name="method">The hub's method.</param>
    /// <param name="argument">The string's UTF-8, with nothing in it that JSON escapes.</param>
    /// <returns>The message and where in it the argument begins.</returns>
    public static (byte[] Message, int ArgumentOffset) CreateInvocation(string method, ReadOnlySpan<byte> argument)
    {
        byte[] before = Encoding.UTF8.GetBytes($$"""{"type":1,"target":"{{method}}","arguments":[""" + "\"");
        return ([.. before, .. argument, .. "\"]}\u001e"u8], before.Length);
    }

    /// <summary>The string of an invocation with one string as its argument and nothing escaped in it.</summary>
    /// <returns><see langword="false"/> for any other message: pings, completions, close.</returns>
    public static bool TryReadArgument(ReadOnlySpan<byte> record, out ReadOnlySpan<byte> argument)
    {
        argument = default;
        ReadOnlySpan<byte> argumentsStart = "\"arguments\":[\""u8;
        ReadOnlySpan<byte> end = "\"]}"u8;
        if (!record.StartsWith("{\"type\":1,"u8) || !record.EndsWith(end))
        {
            return false;
        }

        int start = record.IndexOf(argumentsStart);
        if (start < 0 || start + argumentsStart.Length > record.Length - end.Length)
        {
            return false;
        }

        argument = record[(start + argumentsStart.Length)..^end.Length];
        return true;
    }

    /// <summary>Whether a message is one that carries no payload and is not an error: a ping (6).</summary>
    public static bool IsPing(ReadOnlySpan<byte> record) => record.StartsWith("{\"type\":6"u8);
}
