using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PipeWs;

/// <summary>
/// "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a strong source of entropy" (RFC 6455, section 5.3):
/// a fresh one for every frame, drawn from the system's generator a hundred and twenty-eight at a time.
/// </summary>
internal static class MaskingKeySource
{
    private const int KeysAtATime = 128;

    [ThreadStatic]
    private static uint[]? t_keys;

    [ThreadStatic]
    private static int t_left;

    internal static uint Next()
    {
        if (t_left == 0)
        {
            t_keys ??= new uint[KeysAtATime];
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(t_keys.AsSpan()));
            t_left = KeysAtATime;
        }

        return t_keys![--t_left];
    }
}
