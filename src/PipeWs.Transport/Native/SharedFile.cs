using Microsoft.Win32.SafeHandles;

namespace PipeWs.Transport.Native;

/// <summary>
/// A file of the kernel's that any thread uses and one closes. Whoever comes too late learns that it is closed, and does nothing to the file that has got its number since; and it is closed only when
/// nobody is using it.
/// </summary>
internal sealed class SharedFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <summary>Takes over a file.</summary>
    public SharedFile(int number)
    {
        Number = number;
        _handle = new SafeFileHandle(number, ownsHandle: true);
    }

    /// <summary>Its number. For the thread that closes it, and between <see cref="TryUse"/> and <see cref="EndUse"/>.</summary>
    public int Number { get; }

    /// <summary>Keeps it open, for a call on it.</summary>
    /// <returns><see langword="false"/> where it is closed.</returns>
    public bool TryUse()
    {
        bool isHeld = false;
        try
        {
            _handle.DangerousAddRef(ref isHeld);
        }
        catch (ObjectDisposedException)
        {
        }

        return isHeld;
    }

    /// <summary>Ends what <see cref="TryUse"/> began.</summary>
    public void EndUse() => _handle.DangerousRelease();

    public void Dispose() => _handle.Dispose();
}
