using System.Buffers.Text;
using System.Text.Json;

namespace PipeWs.Messages;

// What each member may hold, and what is said where it holds something else.
internal static partial class EnvelopeReader
{
    private static readonly EnvelopeError[] Twice = [.. Enum.GetValues<EnvelopeMember>().Select(static member => EnvelopeError.BadRequest($"\"{NameOf(member)}\" is given twice"))];
    private static readonly EnvelopeError[] WrongKind = [.. Enum.GetValues<EnvelopeMember>().Select(static member => EnvelopeError.BadRequest($"\"{NameOf(member)}\" is not {KindOf(member)}"))];

    private static EnvelopeError Set(
        ref Envelope envelope, EnvelopeNames names, EnvelopeMember member, byte index, JsonTokenType type, bool escaped, JsonRange range, ReadOnlySpan<byte> message)
    {
        if (type == JsonTokenType.Null && member is not (EnvelopeMember.Body or EnvelopeMember.Discriminator))
        {
            // PROTOCOL omits absent members; serializers that write them as null mean the same.
            return default;
        }

        uint bit = 1u << (int)member;
        bool again = (envelope.Seen & bit) != 0;
        envelope.Seen |= bit;
        bool isString = type == JsonTokenType.String;
        switch (member)
        {
            case EnvelopeMember.Discriminator:
                if (again)
                {
                    return names.TwoDiscriminators;
                }

                if (!isString || range.Length == 2)
                {
                    return names.DiscriminatorNotText;
                }

                envelope.Discriminator = range;
                envelope.DiscriminatorIsEscaped = escaped;
                return default;
            case EnvelopeMember.Id:
                if (again)
                {
                    return Twice[(int)member];
                }

                if (!isString && type != JsonTokenType.Number)
                {
                    return EnvelopeError.IdNotText;
                }

                if (range.Length > MaxIdBytes)
                {
                    return EnvelopeError.IdTooLong;
                }

                envelope.Id = range;
                return default;
            case EnvelopeMember.Body:
                if (again)
                {
                    return EnvelopeError.TwoBodies;
                }

                envelope.Body = range;
                envelope.BodyName = index;
                return default;
            case EnvelopeMember.Since:
                envelope.Since = range;
                return again ? Twice[(int)member] : default;
            case EnvelopeMember.Topic:
                envelope.Topic = range;
                return again ? Twice[(int)member] : isString ? default : WrongKind[(int)member];
            case EnvelopeMember.Subject:
                envelope.Subject = range;
                return again ? Twice[(int)member] : isString ? default : WrongKind[(int)member];
            case EnvelopeMember.Topics:
                envelope.Topics = range;
                return again ? Twice[(int)member] : type == JsonTokenType.StartArray ? default : WrongKind[(int)member];
            case EnvelopeMember.Response:
                envelope.Response = type == JsonTokenType.True;
                return again ? Twice[(int)member] : type is JsonTokenType.True or JsonTokenType.False ? default : WrongKind[(int)member];
            case EnvelopeMember.PrivateChannel:
                envelope.PrivateChannel = type == JsonTokenType.True;
                return again ? Twice[(int)member] : type is JsonTokenType.True or JsonTokenType.False ? default : WrongKind[(int)member];
            case EnvelopeMember.SequenceNumber:
                return again ? Twice[(int)member] : TryLong(range.Of(message), out envelope.SequenceNumber) ? default : WrongKind[(int)member];
            default:
                SetServerMember(ref envelope, member, type, range, message);
                return default;
        }
    }

    private static void SetServerMember(ref Envelope envelope, EnvelopeMember member, JsonTokenType type, JsonRange range, ReadOnlySpan<byte> message)
    {
        bool isString = type == JsonTokenType.String;
        ReadOnlySpan<byte> token = range.Of(message);
        switch (member)
        {
            case EnvelopeMember.Epoch when isString:
                envelope.Epoch = range;
                break;
            case EnvelopeMember.Reason when isString:
                envelope.Reason = range;
                break;
            case EnvelopeMember.Code:
                TryInt(token, out envelope.Code);
                break;
            case EnvelopeMember.PingInterval:
                TryInt(token, out envelope.PingIntervalMilliseconds);
                break;
            case EnvelopeMember.PingTimeout:
                TryInt(token, out envelope.PingTimeoutMilliseconds);
                break;
            case EnvelopeMember.From:
                TryLong(token, out envelope.From);
                break;
            case EnvelopeMember.To:
                TryLong(token, out envelope.To);
                break;
            case EnvelopeMember.Recovered when type is JsonTokenType.True or JsonTokenType.False:
                envelope.Recovered = type == JsonTokenType.True;
                break;
        }
    }

    private static bool TryLong(ReadOnlySpan<byte> token, out long value) =>
        Utf8Parser.TryParse(token, out value, out int consumed) && consumed == token.Length;

    private static bool TryInt(ReadOnlySpan<byte> token, out int value) =>
        Utf8Parser.TryParse(token, out value, out int consumed) && consumed == token.Length;

    private static string NameOf(EnvelopeMember member) => member switch
    {
        EnvelopeMember.SequenceNumber => "sn",
        _ => char.ToLowerInvariant(member.ToString()[0]) + member.ToString()[1..],
    };

    private static string KindOf(EnvelopeMember member) => member switch
    {
        EnvelopeMember.SequenceNumber => "a whole number of 64 bits",
        EnvelopeMember.Topics => "a list of strings",
        EnvelopeMember.Response or EnvelopeMember.PrivateChannel => "true or false",
        _ => "a string",
    };
}
