namespace PipeWs.Fuzz.Engine;

/// <summary>Makes an input smaller for as long as it stays what it is.</summary>
internal static class Minimiser
{
    /// <param name="input">The input.</param>
    /// <param name="isStill">Whether a smaller one still is what this one is.</param>
    /// <param name="attempts">How often it may be asked.</param>
    public static byte[] Minimise(byte[] input, Func<byte[], bool> isStill, int attempts)
    {
        bool shrunk = true;
        while (shrunk && attempts > 0)
        {
            shrunk = false;
            for (int size = Math.Max(1, input.Length / 2); size > 0 && attempts > 0; size /= 2)
            {
                for (int at = 0; at < input.Length && attempts > 0;)
                {
                    byte[] without = [.. input.AsSpan(0, at), .. input.AsSpan(Math.Min(input.Length, at + size))];
                    attempts--;
                    if (isStill(without))
                    {
                        input = without;
                        shrunk = true;
                    }
                    else
                    {
                        at += size;
                    }
                }
            }

            for (int at = 0; at < input.Length && attempts > 0; at++)
            {
                if (input[at] == 0)
                {
                    continue;
                }

                byte[] simpler = [.. input];
                simpler[at] = 0;
                attempts--;
                if (isStill(simpler))
                {
                    input = simpler;
                }
            }
        }

        return input;
    }
}
