using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using PipeWs.Messages;

namespace PipeWs.Tests.Messages;

/// <summary>What a whole parse by JsonDocument and the rules of the protocol make of a message.</summary>
internal static class EnvelopeOracle
{
    /// <summary>Fails where the reader and the oracle differ.</summary>
    public static void Agree(byte[] message)
    {
        (string Discriminator, string? Id, string? Body)? expected = Oracle(message);

        EnvelopeError error = EnvelopeReader.Read(message, EnvelopeNames.Default, out Envelope envelope, validateUtf8: true);

        if (error.IsError != expected is null)
        {
            Assert.Fail($"Expected {(expected is null ? "an error" : "no error")}, got \"{error.Reason}\" for {Encoding.UTF8.GetString(message)}");
        }

        if (message.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..] && Utf8.IsValid(message))
        {
            Envelope slow = default;
            Assert.Equal(EnvelopeReader.ReadSlow(message, EnvelopeNames.Default, ref slow), error);
            Assert.Equal(slow, envelope);
        }

        if (expected is not null)
        {
            Assert.Equal(expected.Value.Discriminator, JsonText.Decode(envelope.Discriminator.Of(message)));
            Assert.Equal(expected.Value.Id, envelope.Id.IsEmpty ? null : JsonText.Decode(envelope.Id.Of(message)));
            Assert.Equal(expected.Value.Body, envelope.Body.IsEmpty ? null : Encoding.UTF8.GetString(envelope.Body.Of(message)));
            Assert.Equal(envelope.Discriminator.Of(message).Contains((byte)'\\'), envelope.DiscriminatorIsEscaped);
        }

        // Where nobody checked the text before, it may be accepted or not, but never throws.
        _ = EnvelopeReader.Read(message, EnvelopeNames.Default, out _);
    }

    private static (string Discriminator, string? Id, string? Body)? Oracle(byte[] message)
    {
        if (!Utf8.IsValid(message))
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(message, new JsonDocumentOptions { MaxDepth = 32 });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !IsReadable(root))
            {
                return null;
            }

            JsonProperty[] members = [.. root.EnumerateObject()];
            JsonElement[] discriminators = [.. members.Where(static m => m.Name is "action" or "type").Select(static m => m.Value)];
            JsonElement[] bodies = [.. members.Where(static m => m.Name is "data" or "payload").Select(static m => m.Value)];
            if (discriminators is not [{ ValueKind: JsonValueKind.String } discriminator] || discriminator.GetString() == "" || bodies.Length > 1)
            {
                return null;
            }

            string[] once = ["id", "topic", "topics", "subject", "sn", "since", "response", "privateChannel"];
            JsonProperty[] present = [.. members.Where(m => once.Contains(m.Name) && m.Value.ValueKind != JsonValueKind.Null)];
            if (present.DistinctBy(static m => m.Name).Count() != present.Length || !present.All(HasItsKind))
            {
                return null;
            }

            JsonElement id = present.FirstOrDefault(static m => m.Name == "id").Value;
            return (discriminator.GetString()!, id.ValueKind == JsonValueKind.Undefined ? null : id.ToString(), bodies is [var body] ? body.GetRawText() : null);
        }
        catch (JsonException)
        {
            return null;
        }

        static bool HasItsKind(JsonProperty member) => member.Name switch
        {
            "id" => member.Value.ValueKind is JsonValueKind.String or JsonValueKind.Number && Encoding.UTF8.GetByteCount(member.Value.GetRawText()) <= EnvelopeReader.MaxIdBytes,
            "topic" or "subject" => member.Value.ValueKind == JsonValueKind.String,
            "topics" => member.Value.ValueKind == JsonValueKind.Array,
            "sn" => member.Value.ValueKind == JsonValueKind.Number && long.TryParse(member.Value.GetRawText(), System.Globalization.CultureInfo.InvariantCulture, out _),
            "response" or "privateChannel" => member.Value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            _ => true,
        };
    }

    private static bool IsReadable(JsonElement element)
    {
        try
        {
            return element.ValueKind switch
            {
                JsonValueKind.String => element.GetString() is not null,
                JsonValueKind.Number => double.IsFinite(double.Parse(element.GetRawText(), System.Globalization.CultureInfo.InvariantCulture)),
                JsonValueKind.Array => element.EnumerateArray().All(IsReadable),
                JsonValueKind.Object => element.EnumerateObject().All(static member => member.Name is not null && IsReadable(member.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
