using Microsoft.Extensions.ObjectPool;
using PipeWs.Messages;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Framing;

namespace PipeWs;

// The compressed forms of a frame: made when the first connection needs one, by whichever thread that is, and shared by all that can read it. They go back with the frame.
public sealed partial class WsFrame
{
    private Lock? _deflating;
    private WsFrame? _deflated;

    // Of a frame that is itself such a form.
    private WsFrame? _nextDeflated;
    private int _windowBits;

    /// <summary>Windows, as bits of this number, in which the frame does not become shorter.</summary>
    private int _incompressible;

    /// <summary>Gives the form for a receiver with this window, with no more than this message in it; null where the frame does not become shorter. The caller holds the frame, and so the form.</summary>
    internal WsFrame? GetDeflated(int windowBits, int level, CompressionCounters counters) =>
        TryFindDeflated(windowBits, out WsFrame? found) ? found : Deflate(windowBits, level, counters);

    private bool TryFindDeflated(int windowBits, out WsFrame? found)
    {
        // A message no longer than the receiver's window cannot point back farther than that, whatever window it was made with.
        bool fits = PayloadLength <= 1 << windowBits;
        found = Volatile.Read(ref _deflated);
        if (!fits)
        {
            while (found is not null && found._windowBits != windowBits)
            {
                found = found._nextDeflated;
            }
        }

        if (found is not null)
        {
            return true;
        }

        int incompressible = Volatile.Read(ref _incompressible);
        return fits ? incompressible != 0 : (incompressible & (1 << windowBits)) != 0;
    }

    private WsFrame? Deflate(int windowBits, int level, CompressionCounters counters)
    {
        lock (Volatile.Read(ref _deflating) ?? Interlocked.CompareExchange(ref _deflating, new Lock(), null) ?? _deflating)
        {
            if (TryFindDeflated(windowBits, out WsFrame? found))
            {
                return found;
            }

            counters.CountSharedDeflate();
            if (TryCreateForm(windowBits, level) is not { } form)
            {
                Volatile.Write(ref _incompressible, _incompressible | (1 << windowBits));
                return null;
            }

            form._windowBits = windowBits;
            form._nextDeflated = _deflated;
            Volatile.Write(ref _deflated, form);
            return form;
        }
    }

    /// <summary>Compresses beside the frame and then copies, so that the form, which lives as long as the frame, holds no more room than it needs.</summary>
    private WsFrame? TryCreateForm(int windowBits, int level)
    {
        ObjectPool<MessageDeflater> pool = DeflatePools.Deflaters(windowBits, level);
        MessageDeflater deflater = pool.Get();
        MessageBuffer buffer = MessageBuffer.Rent();
        try
        {
            Span<byte> room = buffer.GetSpan(PayloadLength)[..PayloadLength];
            if (!deflater.TryDeflate(Payload, room, isLast: true, keepsHistory: false, out int length))
            {
                return null;
            }

            WsFrame form = Rent(length);
            room[..length].CopyTo(form.GetPayloadSpan(length));
            form.Seal(Type, length, FrameHeader.Rsv1);
            return form;
        }
        finally
        {
            buffer.Return();
            pool.Return(deflater);
        }
    }

    private void ReleaseDeflated()
    {
        _incompressible = 0;
        WsFrame? form = _deflated;
        _deflated = null;
        while (form is not null)
        {
            WsFrame? next = form._nextDeflated;
            form._nextDeflated = null;
            form.Release();
            form = next;
        }
    }
}
