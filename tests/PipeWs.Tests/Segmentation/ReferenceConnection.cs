using System.Buffers.Binary;
using System.Text;
using PipeWs.Protocol.Tests.Framing;

namespace PipeWs.Tests.Segmentation;

/// <summary>
/// What RFC 6455 says must come of a peer's bytes, read once, from front to back, with all of them there, and with nothing of the library: the oracle for every way of
/// cutting them. Slow and plain on purpose.
/// </summary>
internal static class ReferenceConnection
{
    /// <summary>The outcome, without reasons and without what is unfinished.</summary>
    public static ConnectionOutcome Expect(ConnectionSetup setup, ReadOnlySpan<byte> bytes)
    {
        var received = new List<string>();
        var sent = new StringBuilder();
        List<byte>? message = null;
        WsMessageType type = default;
        bool isServer = setup.Role == WsRole.Server;
        long announced = 0;
        int emptyFragments = 0;
        int saidBefore = 0;
        bool isDeflated = false;
        bool forgets = setup.Compression is { } agreed && (isServer ? agreed.ClientNoContextTakeover : agreed.ServerNoContextTakeover);
        var inflater = new ReferenceInflater();
        while (true)
        {
            // Judged by two bytes, though the rest of the header may never come.
            if (bytes.Length < 2)
            {
                return Ended();
            }

            byte[] said = [];
            byte first = bytes[0];
            bool fin = (first & 0x80) != 0;
            int opcode = bytes[0] & 0x0F;
            bool isControl = opcode >= 8;
            bool masked = (bytes[1] & 0x80) != 0;
            ulong length = (ulong)(bytes[1] & 0x7F);

            // 5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values."
            // 5.1: "The server MUST close the connection upon receiving a frame that is not masked." "A client MUST close a connection if it detects a masked frame."
            // RFC 7692, 6: "the 'Per-Message Compressed' bit, which MUST only be set on the first fragment of a message".
            int meaningless = setup.Compression is not null && opcode is 1 or 2 ? 0x30 : 0x70;
            if ((bytes[0] & meaningless) != 0 || masked != isServer)
            {
                return Failed(1002);
            }

            // 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."
            if (opcode is not (0 or 1 or 2 or 8 or 9 or 10))
            {
                return Failed(1002);
            }

            // 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
            if (isControl && (!fin || length > 125))
            {
                return Failed(1002);
            }

            // 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer"; a body of one byte can be told by its length.
            if (opcode == 8 && length == 1)
            {
                return Failed(1002);
            }

            // 5.4: a continuation continues something, and nothing else may begin before it has ended.
            if (!isControl && opcode == 0 != message is not null)
            {
                return Failed(1002);
            }

            int lengthBytes = length == 126 ? 2 : length == 127 ? 8 : 0;
            int headerBytes = 2 + lengthBytes + (masked ? 4 : 0);
            if (bytes.Length < headerBytes)
            {
                return Ended();
            }

            // 5.2: "the minimal number of bytes MUST be used to encode the length"; "the most significant bit MUST be 0".
            if (lengthBytes == 2)
            {
                length = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
                if (length < 126)
                {
                    return Failed(1002);
                }
            }
            else if (lengthBytes == 8)
            {
                length = BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]);
                if (length is <= 0xFFFF or > long.MaxValue)
                {
                    return Failed(1002);
                }
            }

            byte[] key = masked ? bytes.Slice(headerBytes - 4, 4).ToArray() : new byte[4];
            bytes = bytes[headerBytes..];
            if (!isControl)
            {
                if (opcode != 0)
                {
                    message = [];
                    type = opcode == 1 ? WsMessageType.Text : WsMessageType.Binary;
                    inflater.MaxBytes = setup.InParts(type) ? 1 << 24 : (int)setup.MaxMessageBytes;
                    isDeflated = (first & 0x40) != 0;
                    announced = 0;
                    saidBefore = 0;
                    emptyFragments = 0;
                }

                if (length == 0 && !fin && ++emptyFragments > setup.MaxEmptyFragments)
                {
                    return Failed(1008);
                }

                long most = isDeflated ? (2 * setup.MaxMessageBytes) + 65536 : setup.MaxMessageBytes;
                if (!setup.InParts(type) && length > 0 && length > (ulong)(most - announced))
                {
                    return Failed(1009);
                }

                announced = unchecked(announced + (long)length);
            }

            // 5.3: "j = i MOD 4; transformed-octet-i = original-octet-i XOR masking-key-octet-j".
            bool isWhole = length <= (ulong)bytes.Length;
            byte[] payload = bytes[..(isWhole ? (int)length : bytes.Length)].ToArray();
            bytes = bytes[payload.Length..];
            for (int i = 0; i < payload.Length; i++)
            {
                payload[i] ^= key[i % 4];
            }

            if (!isControl)
            {
                message!.AddRange(payload);
                said = [.. message];
                ReferenceVerdict verdict = default;
                if (isDeflated)
                {
                    verdict = isWhole && fin ? inflater.Inflate([.. message], out said) : inflater.Look([.. message], out said);
                    if (forgets && isWhole && fin)
                    {
                        inflater.Reset();
                    }
                }

                if (isDeflated && said.Length > saidBefore)
                {
                    // A flushed part of a byte or two is longer compressed, which is not the peer's fault.
                    announced -= (long)Math.Min(length, 16);
                    saidBefore = said.Length;
                }

                if (type == WsMessageType.Text)
                {
                    // 8.1: "MUST _Fail the WebSocket Connection_"; at once, since no byte to come can help.
                    // The byte that is one too many is not looked at: that it is there is enough.
                    byte[] judged = verdict == ReferenceVerdict.TooLong ? said[..inflater.MaxBytes] : said;
                    (int failure, bool complete) = Utf8Oracle.Judge(judged);
                    if (failure < judged.Length || (isWhole && fin && verdict == ReferenceVerdict.Valid && !complete))
                    {
                        return Failed(1007);
                    }
                }

                if (verdict != ReferenceVerdict.Valid)
                {
                    return Failed(verdict == ReferenceVerdict.TooLong ? (ushort)1009 : (ushort)1007);
                }
            }

            if (!isWhole)
            {
                return Ended();
            }

            switch (opcode)
            {
                case 8:
                    return Closed(payload);
                case 9:
                    // 5.5.2: "an endpoint MUST send a Pong frame in response"; 5.5.3: "identical 'Application data'".
                    sent.Append("pong ").Append(Convert.ToHexString(payload)).Append('\n');
                    break;
                case 10:
                    break;
                default:
                    if (fin)
                    {
                        received.Add(ConnectionRun.Describe(type, said));
                        message = null;
                    }

                    break;
            }
        }

        ConnectionOutcome Closed(byte[] payload)
        {
            // 7.4 says which codes there are.
            int code = payload.Length == 0 ? 1005 : BinaryPrimitives.ReadUInt16BigEndian(payload);
            if (payload.Length > 0 && code is not (1000 or 1001 or 1002 or 1003 or (>= 1007 and <= 1014) or (>= 3000 and <= 4999)))
            {
                return Failed(1002);
            }

            if (payload.Length > 2 && Utf8Oracle.Judge(payload.AsSpan(2)) is var (failure, complete) && (failure < payload.Length - 2 || !complete))
            {
                return Failed(1007);
            }

            sent.Append("close ").Append(code).Append('\n');
            return Outcome((ushort)code, WsCloseInitiator.Remote, wasClean: true);
        }

        ConnectionOutcome Failed(ushort code)
        {
            sent.Append("close ").Append(code).Append('\n');
            return Outcome(code, WsCloseInitiator.Local, wasClean: false);
        }

        // 7.1.5: "If ... no Close control frame was received by the endpoint, ... _The WebSocket Connection Close Code_ is considered to be 1006."
        ConnectionOutcome Ended() => Outcome(1006, WsCloseInitiator.Transport, wasClean: false);

        ConnectionOutcome Outcome(ushort code, WsCloseInitiator initiator, bool wasClean) =>
            new(string.Join('\n', received), null, sent.ToString(), code, null, initiator, wasClean);
    }
}
