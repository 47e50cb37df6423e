using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PipeWs.Server.Routing;

/// <summary>An action whose handler takes the body deserialized. A body that does not fit is answered with an error 400 that says where.</summary>
internal sealed class TypedRoute<T>(string name, JsonTypeInfo<T> type, Func<WsMessageContext, T, ValueTask> handler) : Route(name)
{
    private const int MaxPathChars = 128;

    public override ValueTask InvokeAsync(RequestContext context) =>
        TryRead(context.Body.Span, out T? value, out string? problem)
            ? handler(context, value)
            : context.ReplyErrorAsync(400, problem);

    private bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out string? problem)
    {
        value = default;
        if (body.IsEmpty)
        {
            problem = "the message has no body";
            return false;
        }

        try
        {
            value = JsonSerializer.Deserialize(body, type);
        }
        catch (JsonException e)
        {
            problem = string.IsNullOrEmpty(e.Path)
                ? "the body is not what the action expects"
                : $"the body is not what the action expects, at {(e.Path.Length > MaxPathChars ? e.Path[..MaxPathChars] : e.Path)}";
            return false;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException or NotSupportedException)
        {
            // Utf8JsonReader's getters refuse strings with these, and so do converters that parse them; the last is for a body that does not say which derived type it is.
            problem = "the body is not what the action expects";
            return false;
        }

        // Null is a value of T? only: a handler that asked for a class is not given null.
        problem = value is null && Nullable.GetUnderlyingType(typeof(T)) is null ? "the body is null" : null;
#pragma warning disable CS8762 // A nullable value type may be null here, and its handler expects it.
        return problem is null;
#pragma warning restore CS8762
    }
}
