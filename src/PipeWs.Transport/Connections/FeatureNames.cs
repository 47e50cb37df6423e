namespace PipeWs.Transport.Connections;

/// <summary>
/// The types under which a connection was given one and the same object, as Kestrel gives it its own. Shared by all connections that were given theirs in the same order: a list of its own
/// for each would be larger than most of what a connection is.
/// </summary>
internal sealed class FeatureNames
{
    private readonly Type[] _types;
    private FeatureNames? _next;

    private FeatureNames(Type[] types) => _types = types;

    /// <summary>None yet.</summary>
    public static FeatureNames None { get; } = new([]);

    /// <summary>The types, in the order they came.</summary>
    public IReadOnlyList<Type> Types => _types;

    /// <summary>Whether this is one of them.</summary>
    public bool Contains(Type type) => Array.IndexOf(_types, type) >= 0;

    /// <summary>These and one more. From any thread: at worst two connections do not share.</summary>
    public FeatureNames With(Type type)
    {
        FeatureNames? next = Volatile.Read(ref _next);
        if (next is null || next._types[^1] != type)
        {
            next = new FeatureNames([.. _types, type]);
            Volatile.Write(ref _next, next);
        }

        return next;
    }
}
