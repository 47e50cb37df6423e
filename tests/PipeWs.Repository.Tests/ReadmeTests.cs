using System.Text.RegularExpressions;

namespace PipeWs.Repository.Tests;

/// <summary>What the README shows is code that compiles, options that exist and files that are there.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_readme = File.ReadAllText(Repository.PathOf("README.md"));

    public static TheoryData<string> CSharpBlocks => [.. Blocks("csharp")];

    [Theory]
    [MemberData(nameof(CSharpBlocks))]
    public void Every_example_stands_in_code_that_is_compiled(string block)
    {
        string wanted = Normalized(block);
        string[] compiled = [.. Directory.EnumerateFiles(Repository.PathOf("tests", "PipeWs.Repository.Tests", "Examples"), "*.cs").Select(path => Normalized(File.ReadAllText(path)))];

        Assert.True(compiled.Any(file => file.Contains(wanted, StringComparison.Ordinal)), $"No file of Examples has this example of the README:\n{block}");
    }

    [Theory]
    [InlineData(typeof(Server.PipeWsOptions))]
    [InlineData(typeof(Server.WsRoomOptions))]
    public void Every_option_is_in_the_README(Type options)
    {
        Assert.All(options.GetProperties().Where(property => !property.GetMethod!.IsStatic), property => Assert.Contains($"`{property.Name}`", s_readme, StringComparison.Ordinal));
    }

    [Fact]
    public void The_commands_of_the_README_name_projects_that_exist()
    {
        MatchCollection projects = ProjectArgument().Matches(s_readme);

        Assert.NotEmpty(projects);
        Assert.All(projects, match => Assert.True(Directory.Exists(Repository.PathOf(match.Groups[1].Value.Split('/'))), match.Value));
    }

    private static IEnumerable<string> Blocks(string language) =>
        CodeBlock().Matches(s_readme).Where(match => match.Groups[1].Value == language).Select(match => match.Groups[2].Value);

    private static string Normalized(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'));

    [GeneratedRegex(@"```(\w+)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"--project (\S+)")]
    private static partial Regex ProjectArgument();
}
