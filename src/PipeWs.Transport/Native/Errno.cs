using System.ComponentModel;

namespace PipeWs.Transport.Native;

/// <summary>The errors of Linux's system calls that are told apart here. The numbers are the same on every architecture .NET runs on.</summary>
internal static class Errno
{
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int BadFile = 9;
    public const int TryAgain = 11;
    public const int BrokenPipe = 32;
    public const int NotASocket = 88;
    public const int ConnectionAborted = 103;
    public const int ConnectionReset = 104;
    public const int NotConnected = 107;
    private const int NoNetwork = 64;
    private const int ProtocolError = 71;
    private const int ProtocolNotAvailable = 92;
    private const int NotSupported = 95;
    private const int NetworkDown = 100;
    private const int NetworkUnreachable = 101;
    private const int HostDown = 112;
    private const int HostUnreachable = 113;

    /// <summary>Whether the peer has ended the connection.</summary>
    public static bool IsReset(int error) => error is ConnectionReset or BrokenPipe or NotConnected;

    /// <summary>Whether <c>accept</c> failed by the end of the connection it was to give, and the next may be sound. See its manual page: the connection's own errors come out of it.</summary>
    public static bool IsOfTheConnection(int error) =>
        error is Interrupted or ConnectionAborted or ProtocolError or HostUnreachable or NetworkUnreachable or NetworkDown or HostDown or NoNetwork or NotSupported or ProtocolNotAvailable;

    /// <summary>What the system says about an error.</summary>
    public static string Describe(int error) => $"{new Win32Exception(error).Message} (errno {error})";

    /// <summary>An error of a call that does not fail unless something is wrong with the system or with us.</summary>
    public static IOException ToException(string call, int error) => new($"{call} failed: {Describe(error)}.", error);
}
