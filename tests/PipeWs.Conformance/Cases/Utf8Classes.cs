using PipeWs.Conformance.Matrix;

namespace PipeWs.Conformance.Cases;

/// <summary>Some bytes of text.</summary>
/// <param name="Name">What they are.</param>
/// <param name="Bytes">The bytes.</param>
/// <param name="Certain">With how many of them it is certain that they are no UTF-8; all where they may be its beginning, and only the message's end decides.</param>
internal sealed record Utf8Class(string Name, byte[] Bytes, int Certain)
{
    /// <summary>Whether only the end of the message shows what is missing.</summary>
    public bool IsTruncated { get; init; }
}

/// <summary>The classes of well-formed and ill-formed sequences. The Unicode standard, table 3-7; RFC 3629.</summary>
internal static class Utf8Classes
{
    public static IReadOnlyList<Utf8Class> Valid { get; } = [.. ((int[])
        [
            0x0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD000, 0xD7FF, 0xE000, 0xFDD0, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFE, 0x10FFFF,
        ]).Select(static code => new Utf8Class($"U+{code:X4}", Frames.Utf8(char.ConvertFromUtf32(code)), 0))];

    /// <summary>Every class, its bytes with a '!' behind the one that decides.</summary>
    public static IReadOnlyList<Utf8Class> Invalid { get; } =
    [
        // Continuations without a lead.
        .. ((string[])["80!", "BF!", "80! BF", "80! BF 80 BF 80 BF", "8F!", "9F!", "A0!", "90!"]).Select(static hex => Parse("stray", hex)),

        // Bytes that never occur.
        .. ((string[])["C0!", "C1!", "F5!", "F6!", "F7!", "F8!", "FB!", "FC!", "FD!", "FE!", "FF!", "FE! FE FF FF"]).Select(static hex => Parse("never", hex)),

        // Forms longer than needed, up to the forms of five and six bytes that were given up.
        .. ((string[])
            [
                "C0! AF", "C1! BF", "C0! 80", "E0 80! AF", "E0 80! 80", "E0 9F! BF", "F0 80! 80 AF", "F0 80! 80 80", "F0 8F! BF BF", "F8! 80 80 80 AF", "F8! 87 BF BF BF", "FC! 80 80 80 80 AF", "FC! 83 BF BF BF BF",
            ]).Select(static hex => Parse("overlong", hex)),

        // Surrogates, alone and in pairs.
        .. ((string[])["ED A0! 80", "ED AD! BF", "ED AE! 80", "ED AF! BF", "ED B0! 80", "ED BE! 80", "ED BF! BF", "ED A0! 80 ED B0 80", "ED AF! BF ED BF BF"]).Select(static hex => Parse("surrogate", hex)),

        // Beyond U+10FFFF.
        .. ((string[])["F4 90! 80 80", "F4 BF! BF BF", "F5! 80 80 80", "F7! BF BF BF", "F8! 88 80 80 80", "FB! BF BF BF BF", "FC! 84 80 80 80 80", "FD! BF BF BF BF BF"]).Select(static hex => Parse("beyond", hex)),

        // Characters broken off by another.
        .. ((string[])
            [
                "C2 41!", "C2 C2!", "DF 7F!", "DF E0!", "E0 A0 41!", "E0 A0 C2!", "E1 41!", "E1 80 41!", "E1 80 E1!", "EC BF F0!", "ED 80 41!", "ED 9F FF!", "EF BF 0A!", "F0 90 41!", "F0 90 80 41!", "F0 90 80 F0!",
                "F1 41!", "F1 80 C0!", "F3 BF BF 41!", "F4 8F BF 41!", "F4 80 80 F4!", "F4 8F 7F!", "E2 82 28!", "E2 28! A1", "F0 28! 8C BC", "F0 90 28! BC", "F0 28! 8C 28", "C3 28!",
            ]).Select(static hex => Parse("broken", hex)),

        // Characters that are never completed.
        .. ((string[])["C2", "DF", "E0", "E0 A0", "E1", "E1 80", "EC BF", "ED", "ED 9F", "EF", "EF BF", "F0", "F0 90", "F0 90 80", "F1 80", "F3 BF BF", "F4", "F4 8F", "F4 8F BF"])
            .Select(static hex => Parse("truncated", hex)),
    ];

    private static Utf8Class Parse(string kind, string hex)
    {
        int mark = hex.IndexOf('!', StringComparison.Ordinal);
        byte[] bytes = Frames.Hex(hex.Replace("!", "", StringComparison.Ordinal));
        int certain = mark < 0 ? bytes.Length : (mark + 1) / 3;
        return new Utf8Class($"{kind}-{Convert.ToHexString(bytes)}", bytes, certain) { IsTruncated = mark < 0 };
    }
}
