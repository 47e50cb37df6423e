using System.Text;

namespace PipeWs.Fuzz.Coverage;

/// <summary>The counting of branches, and that its list of exceptions is about code that is there.</summary>
public class CoverageTests
{
    private const string Report = """
        {"PipeWs.Protocol.dll":{"/r/src/P/A.cs":{"P.A":{"M()":{"Lines":{"3":1},"Branches":[
          {"Line":3,"Offset":1,"EndOffset":2,"Path":0,"Ordinal":0,"Hits":4},{"Line":3,"Offset":1,"EndOffset":3,"Path":1,"Ordinal":1,"Hits":0},{"Line":1,"Offset":9,"EndOffset":9,"Path":0,"Ordinal":2,"Hits":0}]}}},
         "/r/src/Q/B.cs":{"Q.B":{"M()":{"Lines":{},"Branches":[{"Line":1,"Offset":1,"EndOffset":2,"Path":0,"Ordinal":0,"Hits":0}]}}}}}
        """;

    private static readonly string[] s_lines = ["class A", "{", "    if (x)", "}"];

    [Fact]
    public void Branches_of_several_runs_are_added_up()
    {
        BranchCoverage coverage = Load(Report);
        Assert.Equal((1, 3), (coverage.Covered, coverage.Count));
        Assert.Equal([new UncoveredBranch("src/P/A.cs", 1, "class A", 0), new UncoveredBranch("src/P/A.cs", 3, "if (x)", 1)], coverage.Uncovered(_ => s_lines));

        coverage.Add(Encoding.UTF8.GetBytes(Report.Replace("\"Ordinal\":1,\"Hits\":0", "\"Ordinal\":1,\"Hits\":2", StringComparison.Ordinal)), "/r", ["src/P"]);
        Assert.Equal((2, 3), (coverage.Covered, coverage.Count));
    }

    [Fact]
    public void What_is_not_listed_is_missing_and_what_is_covered_is_listed_for_nothing()
    {
        var exceptions = new CoverageExceptions(["# a comment", "src/P/A.cs", "  if (x)", "Because.", "", "src/P/A.cs", "else", "No more."]);
        (List<UncoveredBranch> missing, List<string> stale) = exceptions.Compare(Load(Report).Uncovered(_ => s_lines));

        Assert.Equal("class A", Assert.Single(missing).Text);
        Assert.Equal("src/P/A.cs: else", Assert.Single(stale));
        Assert.Throws<FormatException>(() => new CoverageExceptions(["src/P/A.cs", "no reason"]));
        Assert.Throws<FormatException>(() => new CoverageExceptions(["a", "b", "c", "", "a", "b", "d"]));
    }

    [Fact]
    public void Every_exception_is_about_a_line_that_is_there() => Assert.Empty(CoverageCommand.Strangers());

    private static BranchCoverage Load(string report)
    {
        var coverage = new BranchCoverage();
        coverage.Add(Encoding.UTF8.GetBytes(report), "/r", ["src/P"]);
        return coverage;
    }
}
