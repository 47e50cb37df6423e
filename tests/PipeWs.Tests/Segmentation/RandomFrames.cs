using System.Buffers.Binary;
using System.Text;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;

namespace PipeWs.Tests.Segmentation;

/// <summary>What a peer might send, from a seed: mostly legal frames, and illegal ones of every kind.</summary>
internal sealed class RandomFrames(int seed, bool masks)
{
    private static readonly int[] s_lengths = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 63, 64, 125, 126, 127, 128, 300, 1000, 65535, 65536];

    private static readonly string[] s_texts = ["a", "plain text that is longer than one vector of any width", "é", "ж", "中文", "😀", "\uFFFF", "\0"];

    private static readonly int[] s_closeCodes = [1000, 1001, 1002, 1003, 1007, 1014, 3000, 4999, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];

    private readonly Random _random = new(seed);
    private DeflateParameters? _compression;
    private MessageDeflater? _deflater;

    /// <summary>The frames of a connection's whole life.</summary>
    /// <param name="illegal">Out of a hundred frames, how many break a rule.</param>
    public byte[] Connection(int illegal = 4)
    {
        var bytes = new List<byte>();
        for (int messages = _random.Next(6); messages > 0; messages--)
        {
            Message(bytes, illegal);
        }

        if (_random.Next(2) == 0)
        {
            bytes.AddRange(Frame(RawFrame.Close, ClosePayload(_random.Next(100) < illegal * 5)));
        }

        // Whatever follows a close frame is ignored.
        if (_random.Next(8) == 0)
        {
            Message(bytes, illegal);
        }

        return [.. bytes];
    }

    /// <summary>Changes, removes or cuts off bytes.</summary>
    public byte[] Damage(byte[] bytes)
    {
        List<byte> damaged = [.. bytes];
        for (int i = 1 + _random.Next(3); i > 0 && damaged.Count > 0; i--)
        {
            int at = _random.Next(damaged.Count);
            switch (_random.Next(4))
            {
                case 0:
                    damaged[at] ^= (byte)(1 << _random.Next(8));
                    break;
                case 1:
                    damaged[at] = (byte)_random.Next(256);
                    break;
                case 2:
                    damaged.RemoveAt(at);
                    break;
                case 3 when _random.Next(3) == 0:
                    damaged.RemoveRange(at, damaged.Count - at);
                    break;
            }
        }

        return [.. damaged];
    }

    /// <summary>From now on messages are compressed now and then, with what was agreed on: with the context kept, or not.</summary>
    public RandomFrames Compressed()
    {
        bool forgets = Flip();
        _compression = new DeflateParameters(DeflateParameters.MaxWindowBits, DeflateParameters.MaxWindowBits, forgets, forgets);
        _deflater = new MessageDeflater(level: _random.Next(10));
        return this;
    }

    public ConnectionSetup Setup() => new(
        masks ? WsRole.Server : WsRole.Client,
        MaxMessageBytes: _random.Next(4) switch { 0 => 100, 1 => 2000, _ => 1024 * 1024 },
        MaxEmptyFragments: _random.Next(3) == 0 ? 2 : 1024,
        TextInParts: _random.Next(4) == 0,
        BinaryInParts: _random.Next(4) == 0,
        Compression: _compression);

    public int[] Cut(int length) => Cuts.Random(length, _random);

    public bool Flip() => _random.Next(2) == 0;

    private void Message(List<byte> bytes, int illegal)
    {
        bool isText = _random.Next(2) == 0;
        byte[] payload = isText ? Text() : Payload();
        if (isText && _random.Next(100) < illegal && payload.Length > 0)
        {
            payload[_random.Next(payload.Length)] = (byte)_random.Next(0x80, 0x100);
        }

        int rsv = 0;
        if (_deflater is not null && _random.Next(3) > 0)
        {
            rsv = 0x40;
            payload = Deflate(payload);
            if (_random.Next(100) < illegal)
            {
                payload[_random.Next(payload.Length)] = (byte)_random.Next(256);
            }
        }

        int fragments = _random.Next(2) == 0 ? 1 : _random.Next(1, 6);
        int opcode = isText ? RawFrame.Text : RawFrame.Binary;
        for (int i = 0; i < fragments; i++)
        {
            int length = i == fragments - 1 ? payload.Length : _random.Next(payload.Length + 1);
            byte[] frame = Frame(opcode, payload.AsSpan(0, length), fin: i == fragments - 1, rsv);
            rsv = 0;
            bytes.AddRange(_random.Next(100) < illegal ? Break(frame) : frame);
            payload = payload[length..];
            opcode = RawFrame.Continuation;
            while (_random.Next(4) == 0)
            {
                bytes.AddRange(Frame(_random.Next(3) == 0 ? RawFrame.Pong : RawFrame.Ping, Bytes(s_lengths[_random.Next(13)])));
            }
        }
    }

    private byte[] Frame(int opcode, ReadOnlySpan<byte> payload, bool fin = true, int rsv = 0) =>
        RawFrame.Encode(opcode, payload, fin, masks ? (uint)_random.NextInt64(1L << 32) : null, rsv);

    private byte[] Deflate(byte[] payload)
    {
        var room = new byte[MessageDeflater.MaxDeflatedBytes(payload.Length)];
        Assert.True(_deflater!.TryDeflate(payload, room, isLast: true, keepsHistory: !_compression!.Value.ClientNoContextTakeover, out int written));
        return room[..written];
    }

    private byte[] Break(byte[] frame)
    {
        switch (_random.Next(7))
        {
            case 0:
                frame[0] ^= (byte)(0x10 << _random.Next(3));
                return frame;
            case 1:
                frame[0] = (byte)((frame[0] & 0xF0) | _random.Next(16));
                return frame;
            case 2:
                frame[1] ^= 0x80;
                return frame;
            case 3:
                frame[0] ^= 0x80;
                return frame;
            case 4:
                // A length in a longer form than it needs, or with its top bit set, or far larger than anything.
                byte[] header = [frame[0], (byte)((frame[1] & 0x80) | 127), 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
                BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(2), _random.Next(3) switch { 0 => _random.Next(65536), 1 => long.MinValue + _random.Next(), _ => long.MaxValue - _random.Next(2) });
                return [.. header, .. Bytes(_random.Next(20))];
            case 5:
                return [frame[0], (byte)((frame[1] & 0x80) | 126), 0, (byte)_random.Next(126), 1, 2, 3, 4];
            default:
                return [frame[0], (byte)((frame[1] & 0x80) | 126), 0xFF, 0xFF, 1, 2, 3, 4];
        }
    }

    private byte[] ClosePayload(bool illegal)
    {
        if (!illegal)
        {
            return _random.Next(3) == 0 ? [] : RawFrame.ClosePayload(s_closeCodes[_random.Next(8)], _random.Next(2) == 0 ? "" : s_texts[_random.Next(s_texts.Length)]);
        }

        return _random.Next(3) switch
        {
            0 => [3],
            1 => RawFrame.ClosePayload(s_closeCodes[_random.Next(8, s_closeCodes.Length)]),
            _ => [0x03, 0xE8, 0xE2, 0x82],
        };
    }

    private byte[] Text()
    {
        var text = new StringBuilder();
        for (int i = _random.Next(12); i > 0; i--)
        {
            text.Append(s_texts[_random.Next(s_texts.Length)]);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private byte[] Payload() => Bytes(_random.Next(20) == 0 ? s_lengths[_random.Next(s_lengths.Length)] : s_lengths[_random.Next(16)]);

    private byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }
}
