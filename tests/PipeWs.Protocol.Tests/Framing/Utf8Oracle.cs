namespace PipeWs.Protocol.Tests.Framing;

/// <summary>The Unicode standard's table 3-7, "Well-Formed UTF-8 Byte Sequences", read literally.</summary>
internal static class Utf8Oracle
{
    private static readonly (byte Min, byte Max)[][] WellFormed =
    [
        [(0x00, 0x7F)],
        [(0xC2, 0xDF), (0x80, 0xBF)],
        [(0xE0, 0xE0), (0xA0, 0xBF), (0x80, 0xBF)],
        [(0xE1, 0xEC), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xED, 0xED), (0x80, 0x9F), (0x80, 0xBF)],
        [(0xEE, 0xEF), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xF0, 0xF0), (0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xF1, 0xF3), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xF4, 0xF4), (0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)],
    ];

    /// <summary>
    /// Where the first byte stands that no continuation can save, or the length where there is none; and whether the bytes before it end with a whole character.
    /// </summary>
    public static (int Failure, bool Complete) Judge(ReadOnlySpan<byte> bytes)
    {
        (byte Min, byte Max)[]? row = null;
        int column = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            byte next = bytes[i];
            if (row is null)
            {
                foreach ((byte Min, byte Max)[] candidate in WellFormed)
                {
                    if (next >= candidate[0].Min && next <= candidate[0].Max)
                    {
                        row = candidate;
                        column = 0;
                        break;
                    }
                }

                if (row is null)
                {
                    return (i, true);
                }
            }
            else if (next < row[column].Min || next > row[column].Max)
            {
                return (i, false);
            }

            if (++column == row.Length)
            {
                row = null;
            }
        }

        return (bytes.Length, row is null);
    }
}
