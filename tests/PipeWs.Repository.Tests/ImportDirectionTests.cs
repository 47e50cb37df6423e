using System.Reflection;
using System.Xml.Linq;

namespace PipeWs.Repository.Tests;

/// <summary>Imports run down the table only, and siblings never see each other.</summary>
public sealed class ImportDirectionTests
{
    private static readonly Dictionary<string, Layer> s_layers = new(StringComparer.Ordinal)
    {
        ["PipeWs.Protocol"] = new([], []),
        ["PipeWs"] = new(["PipeWs.Protocol"], ["Microsoft.Extensions."]),
        ["PipeWs.Server"] = new(["PipeWs", "PipeWs.Protocol"], ["Microsoft.Extensions."], AspNetCore: true),
        ["PipeWs.Client"] = new(["PipeWs", "PipeWs.Protocol"], ["Microsoft.Extensions."]),
        ["PipeWs.Transport"] = new([], ["Microsoft.Extensions."], AspNetCore: true),
        ["PipeWs.Redis"] = new(["PipeWs.Server", "PipeWs", "PipeWs.Protocol"], ["StackExchange.Redis"], AspNetCore: true),
        ["PipeWs.Kafka"] = new(["PipeWs.Server", "PipeWs", "PipeWs.Protocol"], ["Confluent.Kafka"], AspNetCore: true),
        ["PipeWs.Testing"] = new(["PipeWs.Server", "PipeWs.Client", "PipeWs", "PipeWs.Protocol"], [], AspNetCore: true),
        ["PipeWs.Demo"] = new(
            ["PipeWs.Server", "PipeWs.Client", "PipeWs.Transport", "PipeWs.Redis", "PipeWs.Kafka", "PipeWs", "PipeWs.Protocol"],
            ["Spectre.Console", "OpenTelemetry", "Microsoft."],
            AspNetCore: true),
    };

    public static TheoryData<string> Projects => [.. Repository.Projects("src").Select(path => Path.GetFileNameWithoutExtension(path)!)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_its_layer_may_use(string project)
    {
        Assert.True(s_layers.TryGetValue(project, out Layer? layer), $"{project} has no layer: say in this table what it may use.");
        XDocument file = XDocument.Load(Repository.PathOf("src", project, project + ".csproj"));

        Assert.All(References(file, "ProjectReference"), path => Assert.Contains(Path.GetFileNameWithoutExtension(path.Replace('\\', '/')), layer.Projects));
        Assert.All(References(file, "PackageReference"), package => Assert.Contains(layer.Packages, prefix => package.StartsWith(prefix, StringComparison.Ordinal)));
        if (!layer.AspNetCore)
        {
            Assert.Empty(References(file, "FrameworkReference"));
            Assert.Equal("Microsoft.NET.Sdk", file.Root!.Attribute("Sdk")!.Value);
        }
    }

    [Theory]
    [InlineData("PipeWs.Protocol")]
    [InlineData("PipeWs")]
    [InlineData("PipeWs.Client")]
    public void What_must_do_without_ASP_NET_Core_is_compiled_without_it(string project)
    {
        Assembly assembly = Assembly.Load(project);

        Assert.DoesNotContain(assembly.GetReferencedAssemblies(), reference => reference.Name!.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
    }

    [Fact]
    public void The_protocol_is_compiled_against_the_base_library_alone()
    {
        Assembly assembly = Assembly.Load("PipeWs.Protocol");

        Assert.All(assembly.GetReferencedAssemblies(), reference => Assert.StartsWith("System.", reference.Name!, StringComparison.Ordinal));
        Assert.DoesNotContain(assembly.GetReferencedAssemblies(), reference => reference.Name is "System.IO.Pipelines" or "System.Net.Sockets" or "System.Net.WebSockets");
    }

    private static IEnumerable<string> References(XDocument project, string kind) =>
        project.Descendants(kind).Select(element => element.Attribute("Include")?.Value).OfType<string>();

    private sealed record Layer(string[] Projects, string[] Packages, bool AspNetCore = false);
}
