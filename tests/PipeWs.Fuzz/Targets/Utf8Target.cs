using System.Text;
using System.Text.Unicode;
using PipeWs.Fuzz.Engine;
using PipeWs.Protocol.Framing;
using PipeWs.Protocol.Tests.Framing;
using PipeWs.Shared;

namespace PipeWs.Fuzz.Targets;

/// <summary>The validator of text. Oracles: System.Text.Encoding that throws, Utf8.IsValid, and the Unicode standard's table for the byte at which it must fail. First byte: how the bytes are cut.</summary>
internal sealed class Utf8Target : FuzzTarget
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public override string Name => "utf8";

    public override IReadOnlyList<byte[]> Dictionary { get; } =
        [[0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90], [0xC0], [0xF5], [0x80], "a text of thirty-two bytes, ascii"u8.ToArray()];

    public override IEnumerable<byte[]> Seeds =>
    [
        [1, .. "Hello"u8], [2, .. "κόσμε и ещё немного текста, который длиннее вектора"u8], [3, .. "日本語のテキスト😀😀😀😀😀😀😀😀😀😀"u8], [4, 0xF0, 0x9F, 0x98], [5, .. new byte[40], 0xED, 0xA0, 0x80, .. new byte[40]], [6, 0xCE, 0xBA, 0xF4, 0x90, 0x80, 0x80],
    ];

    public override void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new TargetInput(input);
        var random = new Random(bytes.Next());
        ReadOnlySpan<byte> text = bytes.Rest;
        bool isValid = true;
        try
        {
            _ = s_strict.GetCharCount(text);
        }
        catch (DecoderFallbackException)
        {
            isValid = false;
        }

        (int failure, bool complete) = Utf8Oracle.Judge(text);
        Assert.Equal(isValid, failure == text.Length && complete);
        Assert.Equal(isValid, Utf8.IsValid(text));
        Assert.Equal(isValid, Utf8Validator.IsValid(text));

        Utf8Validator validator = default;
        int end = 0;
        foreach (int piece in Cuts.Random(text.Length, random))
        {
            if (failure >= end + piece != validator.Append(text.Slice(end, piece)))
            {
                Assert.Fail($"The piece from {end} on, where the byte at {failure} is the wrong one.");
            }

            end += piece;
        }

        Assert.Equal(isValid, validator.IsComplete);
        validator.Reset();
        Assert.Equal(failure == text.Length, validator.Append(text));
        Assert.Equal(isValid, validator.IsComplete);

        // A close frame's reason is the one other text there is.
        if (text.Length <= ClosePayload.MaxReasonBytes)
        {
            byte[] payload = [0x03, 0xE8, .. text];
            ProtocolError error = ClosePayload.Read(payload, out ushort code, out string reason);
            Assert.Equal(isValid ? 0 : CloseCode.InvalidPayloadData, error.Code);
            Assert.Equal(isValid ? Encoding.UTF8.GetString(text) : "", reason);
            if (isValid)
            {
                byte[] written = new byte[FrameRules.MaxControlPayloadBytes];
                Assert.Equal(payload, written[..ClosePayload.Write(written, code, reason)]);
            }
        }
    }
}
