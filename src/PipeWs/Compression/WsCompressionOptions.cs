using System.Globalization;
using PipeWs.Protocol.Compression;

namespace PipeWs;

/// <summary>
/// How messages are compressed where the peer can too: permessage-deflate, RFC 7692. Off unless set. What it costs: see <see cref="ServerContextTakeover"/> and <see cref="Level"/>.
/// </summary>
/// <remarks>
/// Whoever can have text of his own compressed together with a secret, and can see how long the result is, can guess the secret, piece by piece. Send such messages with
/// <see cref="WsSendOptions.NeverCompress"/>, and leave the contexts off, which would compress a message together with those before it.
/// A room's message is compressed once for all its members, when the first of them needs it, and at most twice more for members that asked for smaller windows; its log
/// then holds those forms beside the message, and does not count them in its limit.
/// </remarks>
public sealed class WsCompressionOptions
{
    /// <summary>The server's window is at most 2 to this power, in bytes: 8 to 15. Default 15. A smaller one is agreed on where the client asks for it, down to <see cref="ServerMinWindowBits"/>. RFC 7692, section 7.1.2.1.</summary>
    public int ServerMaxWindowBits { get; set; } = DeflateParameters.MaxWindowBits;

    /// <summary>
    /// The smallest server's window that a client is granted, as a power of 2, in bytes: 8 to <see cref="ServerMaxWindowBits"/>. Default 8: whatever it asks for. An offer that asks for a
    /// smaller one is declined, and the client's next is looked at; where there is none its messages stay plain. Of no meaning to a client. RFC 7692, section 7.1.2.1.
    /// </summary>
    /// <remarks>
    /// Clients with little memory ask for small windows; browsers never do. What that costs the server, with <see cref="Level"/> 1: nothing where messages are no longer than the
    /// window; of JSON of 16 KiB 3.3 times the processor for 8 and 9 bits, 2.1 for 10, 1.5 for 11 and 1.2 for 12. Of what repeats itself in long stretches, which a wide window makes cheap, up to 34
    /// times for 9 bits: as much as bytes cost in any window that do not become shorter, which every client may have sent. So 8 is no weakness; but where messages are long, 11 keeps the worst
    /// clients near the others.
    /// </remarks>
    public int ServerMinWindowBits { get; set; } = DeflateParameters.MinWindowBits;

    /// <summary>
    /// The client's window is at most 2 to this power, in bytes: 8 to 15. Default 15. To a server it is what it asks of clients that let themselves be asked; others use 15.
    /// RFC 7692, section 7.1.2.2.
    /// </summary>
    public int ClientMaxWindowBits { get; set; } = DeflateParameters.MaxWindowBits;

    /// <summary>
    /// Whether the server may compress a message together with those it sent to the same client before. Default false. It makes small messages that are alike much smaller.
    /// RFC 7692, section 7.1.1.1.
    /// </summary>
    /// <remarks>
    /// Without it a connection holds no state between its messages, whatever their number: an idle one costs what it would without compression, and the few states there are
    /// are shared by all. With it, the side that compresses holds 210 to 280 KiB for each connection (143 to 167 with a window of 9 bits), and the side that inflates at most
    /// 40 KiB, whatever the window, from the first message on: measured, and most of it zlib's own tables, which a smaller window does not make smaller.
    /// A room's message is compressed once for all its members, and so without anybody's context: after it the context of a connection begins anew.
    /// </remarks>
    public bool ServerContextTakeover { get; set; }

    /// <summary>Whether the client may compress a message together with those it sent before. Default false; costs what <see cref="ServerContextTakeover"/> costs. RFC 7692, section 7.1.1.2.</summary>
    public bool ClientContextTakeover { get; set; }

    /// <summary>
    /// How much is tried to make messages small: 1, the fastest, to 9, as zlib counts. Default 1. Of JSON of 1 KiB, 1 leaves 30 % in 7 us, 6 leaves 25 % in 14 us; of 16 KiB, 20 % in 40 us
    /// and 13 % in 170 us.
    /// </summary>
    public int Level { get; set; } = MessageDeflater.FastestLevel;

    /// <summary>
    /// Messages shorter than this are sent as they are, in bytes. Default 256, where JSON becomes about 60 %; at 128 it stays 90 %. Of messages in parts it is judged where
    /// the first part is the last.
    /// </summary>
    public int ThresholdBytes { get; set; } = 256;

    internal DeflateParameters ToParameters() =>
        new(ServerMaxWindowBits, ClientMaxWindowBits, serverNoContextTakeover: !ServerContextTakeover, clientNoContextTakeover: !ClientContextTakeover);

    internal WsCompressionOptions Clone() => (WsCompressionOptions)MemberwiseClone();

    /// <summary>What is not allowed: the option, its value, and what it must be.</summary>
    internal IEnumerable<(string Option, string Value, string Allowed)> FindProblems()
    {
        if (FindProblem(ServerMaxWindowBits, DeflateParameters.MinWindowBits, DeflateParameters.MaxWindowBits) is { } server)
        {
            yield return (nameof(ServerMaxWindowBits), server.Value, server.Allowed);
        }

        else if (FindProblem(ServerMinWindowBits, DeflateParameters.MinWindowBits, ServerMaxWindowBits) is { } least)
        {
            yield return (nameof(ServerMinWindowBits), least.Value, $"{least.Allowed}, which {nameof(ServerMaxWindowBits)} is");
        }

        if (FindProblem(ClientMaxWindowBits, DeflateParameters.MinWindowBits, DeflateParameters.MaxWindowBits) is { } client)
        {
            yield return (nameof(ClientMaxWindowBits), client.Value, client.Allowed);
        }

        if (FindProblem(Level, 1, 9) is { } level)
        {
            yield return (nameof(Level), level.Value, level.Allowed);
        }

        if (FindProblem(ThresholdBytes, 0, int.MaxValue) is { } threshold)
        {
            yield return (nameof(ThresholdBytes), threshold.Value, threshold.Allowed);
        }
    }

    internal void ThrowIfNotAllowed()
    {
        foreach ((string option, string value, string allowed) in FindProblems())
        {
            throw new ArgumentException($"{nameof(WsConnectionOptions.Compression)}.{option} is '{value}'; it must be {allowed}.");
        }
    }

    private static (string Value, string Allowed)? FindProblem(int value, int min, int max) => value >= min && value <= max
        ? null
        : (value.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"between {min} and {max}"));
}
