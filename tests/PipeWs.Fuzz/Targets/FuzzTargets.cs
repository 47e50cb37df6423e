using PipeWs.Fuzz.Engine;

namespace PipeWs.Fuzz.Targets;

/// <summary>All targets by their names.</summary>
internal static class FuzzTargets
{
    private static readonly Dictionary<string, Func<FuzzTarget>> s_targets = new(StringComparer.Ordinal)
    {
        ["frames"] = static () => new FramesTarget(),
        ["handshake-request"] = static () => new HandshakeRequestTarget(),
        ["handshake-response"] = static () => new HandshakeResponseTarget(),
        ["extensions"] = static () => new ExtensionsTarget(),
        ["inflater"] = static () => new InflaterTarget(),
        ["utf8"] = static () => new Utf8Target(),
        ["router"] = static () => new RouterTarget(),
        ["proxy"] = static () => new ProxyTarget(),
    };

    public static IEnumerable<string> Names => s_targets.Keys;

    public static FuzzTarget? Find(string name) => s_targets.TryGetValue(name, out Func<FuzzTarget>? create) ? create() : null;
}
