using PipeWs.Conformance.Matrix;

namespace PipeWs.Conformance.Cases;

/// <summary>The whole matrix.</summary>
internal static class AllCases
{
    /// <summary>The cases by their groups, whose names are the beginnings of their cases' ids.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<ConformanceCase>> Groups { get; } = Build();

    public static IEnumerable<ConformanceCase> All => Groups.Values.SelectMany(static cases => cases);

    private static SortedDictionary<string, IReadOnlyList<ConformanceCase>> Build()
    {
        var groups = new SortedDictionary<string, IReadOnlyList<ConformanceCase>>(StringComparer.Ordinal);
        IEnumerable<ConformanceCase> all = [.. FramingCases.All(), .. PingCases.All(), .. ReservedCases.All(), .. FragmentCases.All(), .. Utf8Cases.All(), .. CloseCases.All(), .. LimitCases.All(), .. CompressionCases.All(), .. NegotiationCases.All()];
        foreach (IGrouping<string, ConformanceCase> group in all.GroupBy(static one => one.Id[..one.Id.IndexOf('.', StringComparison.Ordinal)]))
        {
            groups.Add(group.Key, [.. group]);
        }

        return groups;
    }
}
