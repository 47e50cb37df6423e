using PipeWs.Shared;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using FsCheck;
using FsCheck.Fluent;
using PipeWs.Messages;

namespace PipeWs.Tests.Messages;

/// <summary>JsonDocument as the oracle: what it and the rules of the protocol accept is accepted, with the same meaning, and nothing else is.</summary>
public class EnvelopeReaderPropertyTests
{
    private static readonly Config Many = Properties.Of(5000);

    // FsCheck's own integers stay near 0, which would be a few hundred messages again and again.
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Fact]
    public void Reader_agrees_with_a_whole_parse_on_generated_messages() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed => EnvelopeOracle.Agree(new RandomJson(seed).Message())));

    [Fact]
    public void Reader_agrees_with_a_whole_parse_on_damaged_messages() =>
        Check.One(Many, Prop.ForAll(Seeds, static seed =>
        {
            var json = new RandomJson(seed);
            EnvelopeOracle.Agree(json.Damage(json.Message()));
        }));

    [Fact]
    public void Reader_never_throws_on_any_bytes() =>
        Check.One(Many, Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), static bytes =>
        {
            EnvelopeOracle.Agree(bytes ?? []);
            EnvelopeOracle.Agree([(byte)'{', (byte)'"', .. bytes ?? []]);
        }));
}
