using System.Text;

namespace PipeWs.Messages;

/// <summary>The names of a message's members: the discriminators and bodies that the application chose, and the ones that are fixed. Immutable.</summary>
internal sealed class EnvelopeNames
{
    private static readonly string[] s_discriminators = ["action", "type"];
    private static readonly string[] s_bodies = ["data", "payload"];

    private readonly byte[][] _discriminators;
    private readonly byte[][] _bodies;

    /// <summary>Chooses names, compared case-sensitively.</summary>
    /// <param name="discriminators">Names of the member a message is routed by; the defaults are <c>action</c> and <c>type</c>.</param>
    /// <param name="bodies">Names of the member that carries the body; the defaults are <c>data</c> and <c>payload</c>. The first is used where the request had none.</param>
    /// <exception cref="ArgumentException">A list is empty, or a name is empty, given twice, or has a meaning already.</exception>
    public EnvelopeNames(IReadOnlyCollection<string> discriminators, IReadOnlyCollection<string> bodies)
    {
        _discriminators = Encode(discriminators, nameof(discriminators));
        _bodies = Encode(bodies, nameof(bodies));
        if (FindFault(discriminators.Concat(bodies)) is { } fault)
        {
            throw new ArgumentException($"\"{fault}\" cannot name a discriminator or a body: a name is {Rule}.");
        }

        LongestName = Math.Max(_discriminators.Concat(_bodies).Max(static name => name.Length), "privateChannel".Length);
        BodyPrefixes = [.. _bodies.Select(static name => (byte[])[.. ","u8, .. JsonText.Encode(Encoding.UTF8.GetString(name)), .. ":"u8])];
        NoDiscriminator = EnvelopeError.BadRequest($"the message has no {Either(_discriminators)}");
        DiscriminatorNotText = EnvelopeError.BadRequest($"{Either(_discriminators)} is a string that is not empty");
        TwoDiscriminators = EnvelopeError.BadRequest($"the message has two of {Either(_discriminators)}, or one of them twice");
    }

    /// <summary>The names of PROTOCOL: <c>action</c> or <c>type</c>, <c>data</c> or <c>payload</c>.</summary>
    public static EnvelopeNames Default { get; } = new(s_discriminators, s_bodies);

    /// <summary>What a name has to be.</summary>
    public const string Rule = "not empty, used once, and none of the protocol's own";

    /// <summary>The longest of all names, in bytes.</summary>
    public int LongestName { get; }

    /// <summary>For every body name the bytes that stand before a body which is not the first member: <c>,"data":</c>.</summary>
    public byte[][] BodyPrefixes { get; }

    public EnvelopeError NoDiscriminator { get; }

    public EnvelopeError DiscriminatorNotText { get; }

    public EnvelopeError TwoDiscriminators { get; }

    /// <summary>The names that were given, and those of PROTOCOL where none were.</summary>
    /// <exception cref="ArgumentException">As the constructor's.</exception>
    public static EnvelopeNames Choose(IReadOnlyCollection<string> discriminators, IReadOnlyCollection<string> bodies) =>
        discriminators.Count == 0 && bodies.Count == 0
            ? Default
            : new EnvelopeNames(discriminators.Count == 0 ? s_discriminators : discriminators, bodies.Count == 0 ? s_bodies : bodies);

    /// <summary>Finds a name that <see cref="Choose"/> would not take; null where it takes all.</summary>
    public static string? FindFault(IReadOnlyCollection<string> discriminators, IReadOnlyCollection<string> bodies) =>
        FindFault((discriminators.Count == 0 ? s_discriminators : discriminators).Concat(bodies.Count == 0 ? s_bodies : bodies));

    /// <summary>Gives the meaning of an unescaped member name.</summary>
    /// <param name="name">The name in UTF-8.</param>
    /// <param name="index">Which of the body names it is.</param>
    public EnvelopeMember Find(ReadOnlySpan<byte> name, out byte index)
    {
        index = 0;
        EnvelopeMember member = FindFixed(name);
        if (member != EnvelopeMember.Unknown)
        {
            return member;
        }

        foreach (byte[] discriminator in _discriminators)
        {
            if (name.SequenceEqual(discriminator))
            {
                return EnvelopeMember.Discriminator;
            }
        }

        byte[][] bodies = _bodies;
        for (int i = 0; i < bodies.Length; i++)
        {
            if (name.SequenceEqual(bodies[i]))
            {
                index = (byte)i;
                return EnvelopeMember.Body;
            }
        }

        return EnvelopeMember.Unknown;
    }

    private static EnvelopeMember FindFixed(ReadOnlySpan<byte> name)
    {
        switch (name.Length)
        {
            case 2:
                return name.SequenceEqual("id"u8) ? EnvelopeMember.Id
                    : name.SequenceEqual("sn"u8) ? EnvelopeMember.SequenceNumber
                    : name.SequenceEqual("to"u8) ? EnvelopeMember.To
                    : EnvelopeMember.Unknown;
            case 4:
                return name.SequenceEqual("code"u8) ? EnvelopeMember.Code
                    : name.SequenceEqual("from"u8) ? EnvelopeMember.From
                    : EnvelopeMember.Unknown;
            case 5:
                return name.SequenceEqual("topic"u8) ? EnvelopeMember.Topic
                    : name.SequenceEqual("since"u8) ? EnvelopeMember.Since
                    : name.SequenceEqual("epoch"u8) ? EnvelopeMember.Epoch
                    : EnvelopeMember.Unknown;
            case 6:
                return name.SequenceEqual("topics"u8) ? EnvelopeMember.Topics
                    : name.SequenceEqual("reason"u8) ? EnvelopeMember.Reason
                    : EnvelopeMember.Unknown;
            case 7:
                return name.SequenceEqual("subject"u8) ? EnvelopeMember.Subject : EnvelopeMember.Unknown;
            case 8:
                return name.SequenceEqual("response"u8) ? EnvelopeMember.Response : EnvelopeMember.Unknown;
            case 9:
                return name.SequenceEqual("recovered"u8) ? EnvelopeMember.Recovered : EnvelopeMember.Unknown;
            case 11:
                return name.SequenceEqual("pingTimeout"u8) ? EnvelopeMember.PingTimeout : EnvelopeMember.Unknown;
            case 12:
                return name.SequenceEqual("pingInterval"u8) ? EnvelopeMember.PingInterval : EnvelopeMember.Unknown;
            case 14:
                return name.SequenceEqual("privateChannel"u8) ? EnvelopeMember.PrivateChannel : EnvelopeMember.Unknown;
            default:
                return EnvelopeMember.Unknown;
        }
    }

    private static string? FindFault(IEnumerable<string> names)
    {
        var all = new HashSet<string>(StringComparer.Ordinal);
        return names.FirstOrDefault(name => name.Length == 0 || FindFixed(Encoding.UTF8.GetBytes(name)) != EnvelopeMember.Unknown || !all.Add(name));
    }

    private static byte[][] Encode(IEnumerable<string> names, string parameter)
    {
        byte[][] encoded = [.. names.Select(Encoding.UTF8.GetBytes)];
        return encoded.Length is > 0 and <= byte.MaxValue ? encoded : throw new ArgumentException("1 to 255 names are needed.", parameter);
    }

    private static string Either(byte[][] names) => string.Join(" or ", names.Select(static name => $"\"{Encoding.UTF8.GetString(name)}\""));
}
