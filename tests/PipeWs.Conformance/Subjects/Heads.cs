namespace PipeWs.Conformance.Subjects;

/// <summary>The head of a request or an answer.</summary>
internal static class Heads
{
    /// <summary>A header's value; null where it is not there.</summary>
    public static string? Find(string head, string name) => head.Split("\r\n").Skip(1)
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim()).SingleOrDefault();
}
