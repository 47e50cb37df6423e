using System.IO.Compression;

namespace PipeWs.Tests.Compression;

/// <summary>Compressed messages, made and read without the library: by DeflateStream.</summary>
internal static class DeflateBytes
{
    private static ReadOnlySpan<byte> Tail => [0x00, 0x00, 0xFF, 0xFF];

    /// <summary>The payload of a message of its own.</summary>
    public static byte[] Of(ReadOnlySpan<byte> message) => OfEach(message.ToArray())[0];

    /// <summary>The payloads of messages of which each may point back into those before.</summary>
    public static byte[][] OfEach(params byte[][] messages)
    {
        using var compressed = new MemoryStream();
        using var deflate = new DeflateStream(compressed, CompressionLevel.SmallestSize);
        var payloads = new byte[messages.Length][];
        for (int i = 0; i < messages.Length; i++)
        {
            if (messages[i].Length == 0)
            {
                payloads[i] = [0];
                continue;
            }

            deflate.Write(messages[i]);
            deflate.Flush();
            byte[] payload = compressed.ToArray();
            Assert.True(payload.AsSpan().EndsWith(Tail));
            payloads[i] = payload[..^Tail.Length];
            compressed.SetLength(0);
        }

        return payloads;
    }

    /// <summary>A hundred million zeros in 97 KB.</summary>
    public static byte[] Bomb()
    {
        using var compressed = new MemoryStream();
        using (var deflate = new DeflateStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            byte[] zeros = new byte[1_000_000];
            for (int i = 0; i < 100; i++)
            {
                deflate.Write(zeros);
            }

            deflate.Flush();
        }

        byte[] payload = compressed.ToArray();
        return payload[..(payload.AsSpan().LastIndexOf(Tail) is var end && end > 0 ? end : payload.Length)];
    }

    /// <summary>What compressed messages say, one after the other, of which each may point back into those before.</summary>
    public static byte[] Inflate(params IEnumerable<byte[]> payloads)
    {
        using var compressed = new MemoryStream();
        foreach (byte[] payload in payloads)
        {
            compressed.Write(payload);
            compressed.Write(Tail);
        }

        compressed.Position = 0;
        using var inflate = new DeflateStream(compressed, CompressionMode.Decompress);
        using var message = new MemoryStream();
        inflate.CopyTo(message);
        return message.ToArray();
    }
}
