using PipeWs.Conformance.Cases;
using PipeWs.Conformance.Matrix;
using PipeWs.Conformance.Subjects;

namespace PipeWs.Conformance;

/// <summary>The matrix, and its golden file. <c>PIPEWS_CONFORMANCE=full</c> runs the long cases too.</summary>
public sealed class ConformanceTests
{
    private static readonly bool s_isFull = Environment.GetEnvironmentVariable("PIPEWS_CONFORMANCE") == "full";

    public static TheoryData<string, string> Groups =>
        [.. MatrixRun.Subjects.SelectMany(static subject => AllCases.Groups.Keys.Select(group => new TheoryDataRow<string, string>(subject, group)))];

    [Theory]
    [MemberData(nameof(Groups))]
    public async Task Every_case_ends_as_the_RFC_says_and_as_it_did_before(string subject, string group)
    {
        GoldenFile golden = GoldenFile.Read(GoldenFile.DefaultPath);
        await using ISubject side = await MatrixRun.StartAsync(subject);

        List<CaseResult> results = await MatrixRun.RunAsync(side, group, s_isFull);

        Assert.NotEmpty(results);
        string differences = string.Join('\n', results.Where(result => !result.IsRight || golden.Find(result.Case.Id, side.IsServer) != result.Filed).Select(result =>
            $"{result.Case.Id}: {result.Case.Description}\n  must be {result.Expected}\n  was     {golden.Find(result.Case.Id, side.IsServer) ?? "not on file"}\n  is      {result.Outcome}"));
        Assert.True(differences.Length == 0, $"{differences}\nWhere what is now is right, write the file anew: {GoldenFile.UpdateCommand}");
    }

    [Fact]
    public void The_file_has_a_line_for_every_case_and_no_other()
    {
        GoldenFile golden = GoldenFile.Read(GoldenFile.DefaultPath);

        Assert.Equal(AllCases.All.Select(static one => one.Id), golden.Ids);
    }

    [Fact]
    public void Ids_are_unique_and_legible() =>
        Assert.All(AllCases.All.GroupBy(static one => one.Id), static same =>
        {
            Assert.Single(same);
            Assert.DoesNotContain('|', same.Key + same.First().Description);
        });
}
