using PipeWs.Fuzz.Engine;

namespace PipeWs.Fuzz.Targets;

/// <summary>A target with mistakes in it, each behind bytes that chance does not find: whether the fuzzer does is the test of the fuzzer.</summary>
internal sealed class PlantedTarget : FuzzTarget
{
    public override string Name => "planted";

    public override IEnumerable<byte[]> Seeds => ["nothing to see"u8.ToArray()];

    public override void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length > 3 && input[0] == 'P')
        {
            if (input[1] == 'i')
            {
                if (input[2] == 'p')
                {
                    switch (input[3])
                    {
                        case (byte)'e':
                            throw new InvalidOperationException("found");
                        case (byte)'m':
                            GC.KeepAlive(new byte[8 * 1024 * 1024]);
                            break;
                        case (byte)'h':
                            for (TimeSpan start = ThreadClock.Now; (ThreadClock.Now - start).TotalMilliseconds < 150;)
                            {
                            }

                            break;
                    }
                }
            }
        }
    }
}
