using System.Text.Json;
using PipeWs.Messages;

namespace PipeWs.Server.Identity;

/// <summary>Reads <c>{"type":"auth","data":{"token":"..."}}</c>, or the token as a member beside the type. The message is known to be JSON.</summary>
internal static class AuthMessage
{
    private static readonly EnvelopeError Missing = EnvelopeError.BadRequest("an auth message has a \"token\", a string, in its body");
    private static readonly EnvelopeError Two = EnvelopeError.BadRequest("an auth message has one \"token\"");

    public static EnvelopeError Read(ReadOnlySpan<byte> message, in Envelope envelope, out string token)
    {
        token = "";
        ReadOnlySpan<byte> body = envelope.Body.Of(message);
        EnvelopeError error = ReadObject(message, ref token);
        if (!error.IsError && !body.IsEmpty && body[0] == (byte)'{')
        {
            error = ReadObject(body, ref token);
        }

        return error.IsError ? error : token.Length == 0 ? Missing : default;
    }

    private static EnvelopeError ReadObject(ReadOnlySpan<byte> json, ref string token)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isToken = reader.ValueTextEquals("token"u8);
            reader.Read();
            if (isToken)
            {
                if (reader.TokenType != JsonTokenType.String)
                {
                    return Missing;
                }

                if (token.Length > 0)
                {
                    return Two;
                }

                token = JsonText.Decode(json.Slice((int)reader.TokenStartIndex, reader.ValueSpan.Length + 2));
            }

            reader.Skip();
        }

        return default;
    }
}
