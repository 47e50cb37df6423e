using System.Buffers;

namespace PipeWs.Client.Receiving;

/// <summary>A message's bytes, copied out of the transport's buffer. Pooled; each use has a version of its own, so that a second release is recognised.</summary>
internal sealed class ReceivedMessage
{
    // A small buffer stays with its object, so that the common sizes cost one trip to one pool.
    private const int MaxKeptBytes = 2048;
    private const int MinBytes = 256;

    private byte[] _bytes = [];
    private int _length;
    private int _version;

    public int Version => Volatile.Read(ref _version);

    public WsMessageType Type { get; private set; }

    public ReadOnlyMemory<byte> Payload => _bytes.AsMemory(0, _length);

    public int Length => _length;

    public static ReceivedMessage Copy(WsMessageType type, in ReadOnlySequence<byte> payload)
    {
        ReceivedMessage message = MessagePool.Rent();
        int length = checked((int)payload.Length);
        if (message._bytes.Length < length || message._bytes.Length == 0)
        {
            if (message._bytes.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(message._bytes);
            }

            message._bytes = ArrayPool<byte>.Shared.Rent(Math.Max(MinBytes, length));
        }

        payload.CopyTo(message._bytes);
        message._length = length;
        message.Type = type;
        return message;
    }

    public void Release(int version)
    {
        if (Interlocked.CompareExchange(ref _version, version + 1, version) != version)
        {
            return;
        }

        if (_bytes.Length > MaxKeptBytes)
        {
            DropBytes();
        }

        _length = 0;
        MessagePool.Return(this);
    }

    /// <summary>Gives the buffer back without the object.</summary>
    public void DropBytes()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }
    }
}
