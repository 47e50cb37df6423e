namespace PipeWs.Repository.Tests;

public sealed class LayoutTests
{
    private static readonly HashSet<string> s_topLevel = new(StringComparer.Ordinal)
    {
        "src", "bench", "tests", "PipeWs.sln", "global.json", "README.md", "LICENSE", "Directory.Build.props", "Directory.Packages.props",
    };

    [Fact]
    public void The_top_level_holds_what_was_agreed_and_nothing_else()
    {
        IEnumerable<string> entries = Directory.EnumerateFileSystemEntries(Repository.Root).Select(path => Path.GetFileName(path)!);

        Assert.DoesNotContain(entries, name => !name.StartsWith('.') && !s_topLevel.Contains(name) && name is not ("TestResults" or "artifacts" or "BenchmarkDotNet.Artifacts"));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Repository.PathOf("PipeWs.sln")).Replace('\\', '/');

        foreach (string project in (string[])[.. Repository.Projects("src"), .. Repository.Projects("bench"), .. Repository.Projects("tests")])
        {
            Assert.Contains(Path.GetRelativePath(Repository.Root, project).Replace('\\', '/'), solution, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_library_has_a_test_project_of_its_name()
    {
        string[] tests = [.. Repository.Projects("tests").Select(path => Path.GetFileNameWithoutExtension(path)!)];

        Assert.All(Repository.Projects("src"), path => Assert.Contains(Path.GetFileNameWithoutExtension(path) + ".Tests", tests));
    }
}
