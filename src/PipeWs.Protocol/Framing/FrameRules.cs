namespace PipeWs.Protocol.Framing;

/// <summary>
/// What makes a frame illegal, judged as early as the bytes allow. It never reads bytes: <see cref="FrameHeader"/> does.
/// </summary>
public static class FrameRules
{
    /// <summary>The most payload a control frame may carry, in bytes. RFC 6455, section 5.5.</summary>
    public const int MaxControlPayloadBytes = 125;

    private static readonly ProtocolError UnmaskedToServer = new(CloseCode.ProtocolError, "a frame to the server must be masked (RFC 6455, 5.1)");
    private static readonly ProtocolError MaskedToClient = new(CloseCode.ProtocolError, "a frame to the client must not be masked (RFC 6455, 5.1)");
    private static readonly ProtocolError ReservedBit = new(CloseCode.ProtocolError, "a reserved bit is set that no extension gave a meaning (RFC 6455, 5.2)");
    private static readonly ProtocolError ReservedOpcode = new(CloseCode.ProtocolError, "a reserved opcode (RFC 6455, 5.2)");
    private static readonly ProtocolError FragmentedControl = new(CloseCode.ProtocolError, "a control frame must not be fragmented (RFC 6455, 5.5)");
    private static readonly ProtocolError LongControl = new(CloseCode.ProtocolError, "a control frame carries at most 125 bytes (RFC 6455, 5.5)");
    private static readonly ProtocolError OneByteClose = new(CloseCode.ProtocolError, "a close frame's body is empty or at least two bytes (RFC 6455, 5.5.1)");
    private static readonly ProtocolError NothingToContinue = new(CloseCode.ProtocolError, "a continuation frame without a message to continue (RFC 6455, 5.4)");
    private static readonly ProtocolError MessageUnderWay = new(CloseCode.ProtocolError, "a new message inside a fragmented one (RFC 6455, 5.4)");
    private static readonly ProtocolError LengthNotMinimal = new(CloseCode.ProtocolError, "the length is not in its shortest form (RFC 6455, 5.2)");
    private static readonly ProtocolError LengthTopBit = new(CloseCode.ProtocolError, "the top bit of a 64-bit length must be 0 (RFC 6455, 5.2)");

    /// <summary>Judges the first two bytes of a frame, by what they alone show.</summary>
    /// <param name="start">The header, of which only the first two bytes need to have been read.</param>
    /// <param name="isServer">Whether the receiver is the server, to whom frames must be masked.</param>
    /// <param name="inMessage">Whether a fragmented message is under way.</param>
    /// <param name="allowRsv1">Whether permessage-deflate was negotiated; RSV1 may then mark a message's first frame (RFC 7692, section 6).</param>
    public static ProtocolError CheckStart(in FrameHeader start, bool isServer, bool inMessage, bool allowRsv1) =>
        start.Rsv == 0 && start.Masked == isServer && !inMessage && (start.Opcode is Opcode.Text or Opcode.Binary)
            ? default
            : CheckStartSlow(start, isServer, inMessage, allowRsv1);

    /// <summary>Judges the form of the length, once the header is whole.</summary>
    public static ProtocolError CheckLength(in FrameHeader header) => header.ShortLength < 126 ? default : CheckLengthSlow(header);

    private static ProtocolError CheckLengthSlow(in FrameHeader header) => header.ShortLength switch
    {
        126 when header.PayloadLength < 126 => LengthNotMinimal,
        127 when header.PayloadLength > long.MaxValue => LengthTopBit,
        127 when header.PayloadLength <= ushort.MaxValue => LengthNotMinimal,
        _ => default,
    };

    // Nearly every frame is a message of its own, and passes inline.
    private static ProtocolError CheckStartSlow(in FrameHeader start, bool isServer, bool inMessage, bool allowRsv1)
    {
        if (start.Rsv != 0 && !(allowRsv1 && start.Rsv == FrameHeader.Rsv1 && start.Opcode is Opcode.Text or Opcode.Binary))
        {
            return ReservedBit;
        }

        if (start.Masked != isServer)
        {
            return isServer ? UnmaskedToServer : MaskedToClient;
        }

        switch (start.Opcode)
        {
            case Opcode.Continuation:
                return inMessage ? default : NothingToContinue;
            case Opcode.Text or Opcode.Binary:
                return inMessage ? MessageUnderWay : default;
            case Opcode.Close or Opcode.Ping or Opcode.Pong:
                return !start.Fin ? FragmentedControl
                    : start.ShortLength > MaxControlPayloadBytes ? LongControl
                    : start is { Opcode: Opcode.Close, ShortLength: 1 } ? OneByteClose
                    : default;
            default:
                return ReservedOpcode;
        }
    }
}
