using System.Reflection;

namespace PipeWs.Repository.Tests;

/// <summary>
/// What a package shows to the world is written down beside it, in PublicApi.txt, so that a change of it is seen in review.
/// PIPEWS_UPDATE_API=1 writes the files anew.
/// </summary>
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("PipeWs.Protocol")]
    [InlineData("PipeWs")]
    [InlineData("PipeWs.Server")]
    [InlineData("PipeWs.Client")]
    [InlineData("PipeWs.Testing")]
    [InlineData("PipeWs.Transport")]
    public void The_public_API_is_the_one_that_was_agreed(string project)
    {
        string path = Repository.PathOf("src", project, "PublicApi.txt");
        string[] actual = [.. PublicApi.Describe(Assembly.Load(project))];
        if (Environment.GetEnvironmentVariable("PIPEWS_UPDATE_API") == "1")
        {
            File.WriteAllLines(path, actual);
        }

        Assert.True(File.Exists(path), $"{path} is missing: run the tests once with PIPEWS_UPDATE_API=1 and review it.");
        string[] agreed = File.ReadAllLines(path);

        string[] added = [.. actual.Except(agreed).Select(line => "+ " + line)];
        string[] removed = [.. agreed.Except(actual).Select(line => "- " + line)];
        Assert.True(added.Length + removed.Length == 0, $"The public API of {project} changed. If it should, run the tests once with PIPEWS_UPDATE_API=1:\n{string.Join('\n', [.. removed, .. added])}");
    }
}
