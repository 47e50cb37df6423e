using System.ComponentModel;

namespace PipeWs.Transport.Native;

/// <summary>The errors of Linux's system calls that are told apart here. The numbers are the same on every architecture .NET runs on.</summary>
internal static class Errno
{
    public const int Interrupted = 4;
    public const int TryAgain = 11;
    public const int NoMemory = 12;
    public const int TooManyFilesInSystem = 23;
    public const int TooManyFiles = 24;
    public const int BrokenPipe = 32;
    public const int NotASocket = 88;
    public const int ConnectionAborted = 103;
    public const int ConnectionReset = 104;
    public const int NoBufferSpace = 105;
    public const int NotConnected = 107;

    /// <summary>Whether the peer has ended the connection.</summary>
    public static bool IsReset(int error) => error is ConnectionReset or BrokenPipe or NotConnected;

    /// <summary>Whether the system has run out of something that it may have again later.</summary>
    public static bool IsExhausted(int error) => error is TooManyFiles or TooManyFilesInSystem or NoMemory or NoBufferSpace;

    /// <summary>What the system says about an error.</summary>
    public static string Describe(int error) => $"{new Win32Exception(error).Message} (errno {error})";

    /// <summary>An error of a call that does not fail unless something is wrong with the system or with us.</summary>
    public static IOException ToException(string call, int error) => new($"{call} failed: {Describe(error)}.", error);
}
