using System.Text;

namespace PipeWs.Client.Topics;

/// <summary>The names of topics: the exchanges' <c>/path:A,B</c> is <c>/path:A</c> and <c>/path:B</c>.</summary>
internal static class TopicNames
{
    /// <summary>Gives the names in one text, each once.</summary>
    /// <exception cref="ArgumentException">One is empty.</exception>
    public static IReadOnlyList<string> Expand(string topic)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        int colon = PathLength(topic);
        if (colon < 0 || topic.IndexOf(',', colon) < 0)
        {
            return [topic];
        }

        string path = topic[..(colon + 1)];
        string[] names = [.. topic[(colon + 1)..].Split(',', StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal)];
        return Array.Exists(names, static name => name.Length == 0)
            ? throw new ArgumentException("A topic's name is not empty.", nameof(topic))
            : Array.ConvertAll(names, name => path + name);
    }

    /// <summary>The path that names share which can stand in one text; null for a name that stands alone.</summary>
    public static string? FindPath(string topic) => PathLength(topic) is > 0 and int colon ? topic[..(colon + 1)] : null;

    /// <summary>One text for names of one path.</summary>
    public static string Combine(IReadOnlyList<TopicState> topics)
    {
        if (topics.Count == 1)
        {
            return topics[0].Name;
        }

        var text = new StringBuilder(topics[0].Name);
        int path = PathLength(topics[0].Name) + 1;
        for (int i = 1; i < topics.Count; i++)
        {
            text.Append(',').Append(topics[i].Name, path, topics[i].Name.Length - path);
        }

        return text.ToString();
    }

    private static int PathLength(string topic) => topic[0] == '/' ? topic.IndexOf(':', StringComparison.Ordinal) : -1;
}
