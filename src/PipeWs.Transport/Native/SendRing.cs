using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PipeWs.Transport.Native;

/// <summary>
/// An io_uring that sends: many sends, each to a socket of its own, in one system call. Every one is done when the call returns: none waits for room, and only one that did not
/// send everything says so.
/// </summary>
/// <remarks>
/// By one thread at a time. The bytes lie where the collector does not move them, so that nothing needs to be held while the kernel reads it.
/// </remarks>
internal sealed unsafe class SendRing : IDisposable
{
    // struct io_uring_params, io_sqring_offsets, io_cqring_offsets, io_uring_sqe and io_uring_cqe (linux/io_uring.h).
    private const int ParametersBytes = 120;
    private const int FeaturesAt = 20;
    private const int SubmissionOffsetsAt = 40;
    private const int CompletionOffsetsAt = 80;
    private const int SubmissionBytes = 64;
    private const int CompletionBytes = 16;
    private const nint SubmissionRingAt = 0;
    private const nint SubmissionsAt = 0x1000_0000;

    private const uint FeatureSingleMap = 1;
    private const uint FeatureSkipsSuccess = 1 << 11;
    private const uint SubmitsAll = 1 << 7;
    private const byte OperationSend = 26;
    private const byte SkipsSuccess = 1 << 6;

    // No waiting, no signal, and a send that the kernel cuts short goes on until it must wait (MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL).
    private const uint SendFlags = 0x40 | 0x4000 | 0x100;

    private readonly int _file;

    // Keeps alive what the start points to.
    private readonly byte[] _bytes;
    private readonly byte* _start;
    private byte* _ring;
    private nuint _ringBytes;
    private byte* _submissions;
    private nuint _submissionsBytes;
    private uint* _submissionTail;
    private uint* _completionHead;
    private uint* _completionTail;
    private byte* _completions;
    private uint _submissionMask;
    private uint _completionMask;
    private uint _tail;
    private int _pending;
    private bool _isDisposed;

    private SendRing(int file, byte[] bytes)
    {
        _file = file;
        _bytes = bytes;
        _start = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(bytes, 0);
    }

    /// <summary>Creates a ring.</summary>
    /// <param name="entries">How many sends it takes at a time, a power of two.</param>
    /// <param name="bytes">Where what is sent will lie, an array that the collector does not move.</param>
    /// <param name="error">Why there is none.</param>
    /// <returns>Null where the kernel has no io_uring, does not let this process have one, or has one that is too old: before Linux 5.18.</returns>
    public static SendRing? TryCreate(int entries, byte[] bytes, out string? error)
    {
        Span<byte> parameters = stackalloc byte[ParametersBytes];
        parameters.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(parameters[8..], SubmitsAll);
        int file = Libc.SetupRing((uint)entries, parameters);
        if (file < 0)
        {
            error = Errno.Describe(-file);
            return null;
        }

        const uint Needed = FeatureSingleMap | FeatureSkipsSuccess;
        var ring = new SendRing(file, bytes);
        error = (Read(parameters, FeaturesAt) & Needed) != Needed ? "this kernel's is too old" : ring.TryMap(parameters);
        if (error is null)
        {
            return ring;
        }

        ring.Dispose();
        return null;
    }

    /// <summary>Adds a send of bytes of the array it was created with. There may be as many as the ring has entries, one of each socket.</summary>
    public void Add(int socket, int offset, int length, ulong data)
    {
        Debug.Assert((uint)_pending <= _submissionMask, "The ring is full.");
        byte* submission = _submissions + ((_tail & _submissionMask) * SubmissionBytes);
        new Span<byte>(submission, SubmissionBytes).Clear();
        submission[0] = OperationSend;
        submission[1] = SkipsSuccess;
        *(int*)(submission + 4) = socket;
        *(ulong*)(submission + 16) = (ulong)(_start + offset);
        *(uint*)(submission + 24) = (uint)length;
        *(uint*)(submission + 28) = SendFlags;
        *(ulong*)(submission + 32) = data;
        _tail++;
        _pending++;
    }

    /// <summary>Sends what was added.</summary>
    /// <returns>How many of the last ones the kernel did not look at; 0 unless it has no memory.</returns>
    public int Send()
    {
        Volatile.Write(ref *_submissionTail, _tail);
        while (_pending > 0)
        {
            int taken = Libc.EnterRing(_file, _pending);
            if (taken > 0)
            {
                _pending -= taken;
            }
            else if (taken != -Errno.Interrupted)
            {
                // It reads the entries in its calls alone: what it did not take can be taken back.
                int left = _pending;
                _tail -= (uint)left;
                _pending = 0;
                Volatile.Write(ref *_submissionTail, _tail);
                return left;
            }
        }

        return 0;
    }

    /// <summary>Gives what one send came to that did not send everything.</summary>
    /// <param name="data">Which.</param>
    /// <param name="result">How many bytes it sent, or the negative error.</param>
    public bool TryTakeFailure(out ulong data, out int result)
    {
        uint head = *_completionHead;
        if (head == Volatile.Read(ref *_completionTail))
        {
            (data, result) = (0, 0);
            return false;
        }

        byte* completion = _completions + ((head & _completionMask) * CompletionBytes);
        data = *(ulong*)completion;
        result = *(int*)(completion + 8);
        Volatile.Write(ref *_completionHead, head + 1);
        return true;
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (_submissions is not null)
        {
            Libc.UnmapRing(_submissions, _submissionsBytes);
        }

        if (_ring is not null)
        {
            Libc.UnmapRing(_ring, _ringBytes);
        }

        _ = Libc.Close(_file);
    }

    private static uint Read(ReadOnlySpan<byte> parameters, int at) => BinaryPrimitives.ReadUInt32LittleEndian(parameters[at..]);

    private string? TryMap(ReadOnlySpan<byte> parameters)
    {
        uint submissions = Read(parameters, 0);
        uint completions = Read(parameters, 4);
        ReadOnlySpan<byte> ofSubmissions = parameters[SubmissionOffsetsAt..];
        ReadOnlySpan<byte> ofCompletions = parameters[CompletionOffsetsAt..];
        uint array = Read(ofSubmissions, 24);
        uint entries = Read(ofCompletions, 20);
        _ringBytes = Math.Max(array + (submissions * sizeof(uint)), entries + (completions * CompletionBytes));
        _submissionsBytes = submissions * SubmissionBytes;
        _ring = Libc.MapRing(_file, _ringBytes, SubmissionRingAt);
        _submissions = _ring is null ? null : Libc.MapRing(_file, _submissionsBytes, SubmissionsAt);
        if (_submissions is null)
        {
            return Errno.Describe(Marshal.GetLastPInvokeError());
        }

        _submissionTail = (uint*)(_ring + Read(ofSubmissions, 4));
        _submissionMask = *(uint*)(_ring + Read(ofSubmissions, 8));
        _completionHead = (uint*)(_ring + Read(ofCompletions, 0));
        _completionTail = (uint*)(_ring + Read(ofCompletions, 4));
        _completionMask = *(uint*)(_ring + Read(ofCompletions, 8));
        _completions = _ring + entries;
        _tail = *_submissionTail;
        for (uint i = 0; i < submissions; i++)
        {
            // Entries are taken in their order.
            ((uint*)(_ring + array))[i] = i;
        }

        return null;
    }
}
