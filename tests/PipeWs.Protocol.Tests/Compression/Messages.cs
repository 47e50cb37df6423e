namespace PipeWs.Protocol.Tests.Compression;

/// <summary>Messages of every kind: random, all alike, and such that compress well, near and far.</summary>
internal static class Messages
{
    public static byte[] Next(Random random, int maxBytes)
    {
        byte[] message = new byte[random.Next(0, maxBytes + 1)];
        switch (random.Next(4))
        {
            case 0:
                random.NextBytes(message);
                break;
            case 1:
                message.AsSpan().Fill((byte)random.Next(256));
                break;
            default:
                Repeat(random, message);
                break;
        }

        return message;
    }

    public static byte[] Repeat(Random random, int bytes)
    {
        byte[] message = new byte[bytes];
        Repeat(random, message);
        return message;
    }

    // Words that come again, some of them from far back.
    private static void Repeat(Random random, Span<byte> message)
    {
        int written = 0;
        while (written < message.Length)
        {
            int length = Math.Min(random.Next(1, 40), message.Length - written);
            if (written > 0 && random.Next(3) > 0)
            {
                int from = random.Next(written);
                for (int i = 0; i < length; i++)
                {
                    message[written + i] = message[from + i];
                }
            }
            else
            {
                for (int i = 0; i < length; i++)
                {
                    message[written + i] = (byte)random.Next('a', 'z');
                }
            }

            written += length;
        }
    }
}
