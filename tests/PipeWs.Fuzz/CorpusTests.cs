using PipeWs.Fuzz.Engine;
using PipeWs.Fuzz.Targets;

namespace PipeWs.Fuzz;

/// <summary>All that the fuzzer begins with and all that it ever found, given to its targets again.</summary>
public class CorpusTests
{
    public static TheoryData<string> Targets => [.. FuzzTargets.Names];

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_target_keeps_its_contract_on_all_its_inputs(string name)
    {
        FuzzTarget target = FuzzTargets.Find(name)!;
        IReadOnlyList<byte[]> corpus = Corpus.Load(name);
        Assert.NotEmpty(corpus);
        foreach (byte[] input in (byte[][])[.. target.Seeds, .. corpus])
        {
            try
            {
                target.Run(input);
            }
            catch (Exception e)
            {
                Assert.Fail($"{name} {Convert.ToHexString(input)}: {e}");
            }
        }
    }
}
