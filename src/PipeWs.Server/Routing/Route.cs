using System.Text;
using PipeWs.Server.Filters;

namespace PipeWs.Server.Routing;

/// <summary>One action and what it calls. Immutable; shared by all connections.</summary>
internal abstract class Route
{
    /// <summary>The longest name, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 255;

    protected Route(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Utf8Name = Encoding.UTF8.GetBytes(name);
        if (Utf8Name.Length > MaxNameBytes)
        {
            throw new ArgumentException($"An action's name is at most {MaxNameBytes} bytes.", nameof(name));
        }

        Name = name;
    }

    public string Name { get; }

    /// <summary>The name's bytes, unescaped.</summary>
    public byte[] Utf8Name { get; }

    /// <summary>Makes the route's own filters, the outermost first.</summary>
    public IReadOnlyList<MessageFilterFactory> Filters { get; init; } = [];

    public abstract ValueTask InvokeAsync(RequestContext context);
}

/// <summary>An action whose handler takes the body as it came.</summary>
internal sealed class RawRoute(string name, Func<WsMessageContext, ValueTask> handler) : Route(name)
{
    public override ValueTask InvokeAsync(RequestContext context) => handler(context);
}

/// <summary>A message that PipeWs itself gives a meaning to.</summary>
internal sealed class BuiltInRoute(string name, Func<RequestContext, ValueTask> handler) : Route(name)
{
    /// <summary>The names that an application cannot map.</summary>
    public static readonly string[] Names = ["subscribe", "unsubscribe", "ping", "ack"];

    public override ValueTask InvokeAsync(RequestContext context) => handler(context);
}
