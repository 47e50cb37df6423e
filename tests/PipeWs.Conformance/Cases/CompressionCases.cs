using System.IO.Compression;
using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Cases;

/// <summary>Compressed messages: of every size, window and fragmentation, a thousand of each in the full run; and everything that can be wrong with them. RFC 7692, sections 6 and 7.2.</summary>
internal static class CompressionCases
{
    private const string Plain = "permessage-deflate";
    private const int Limit = ConformanceCase.LimitBytes;
    private const int ManyInEveryBuild = 20;
    private const int Many = 1000;

    /// <summary>What does not compress takes the peer's own code long, and the library's by the same ways as what does.</summary>
    private const int FewerOfNoise = 100;

    private static readonly byte[] s_hello = Frames.Hex("F2 48 CD C9 C9 07 00");

    private static readonly Lazy<byte[]> s_bomb = new(static () => Zeros(100_000_000));

    private static readonly string[] s_parameters =
    [
        Plain,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=15; client_max_window_bits=14",
    ];

    public static IEnumerable<ConformanceCase> All() => [.. Messages(), .. Hardening(), .. Legal()];

    private static IEnumerable<ConformanceCase> Messages()
    {
        for (int p = 0; p < s_parameters.Length; p++)
        {
            foreach ((string content, Func<int, int, byte[]> make, int opcode) in ((string, Func<int, int, byte[]>, int)[])[("json", Json, RawFrame.Text), ("noise", Noise, RawFrame.Binary)])
            {
                foreach (int size in (int[])[0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072])
                {
                    bool isRare = p > 1 && size is 64 or 1024 or 8192 or 16384 or 32768 or 131072;
                    foreach (int fragmentBytes in (int[])[int.MaxValue, 256, 1])
                    {
                        if (isRare || (fragmentBytes == 1 && size > 1024) || (fragmentBytes == 256 && size < 256) || (content == "noise" && p > 5))
                        {
                            continue;
                        }

                        string way = fragmentBytes == int.MaxValue ? "whole" : $"fragments-{fragmentBytes}";
                        string parameters = s_parameters[p];
                        yield return Deflate($"12.{p}.{content}.{size}.{way}", $"many {content} messages of {size} bytes, {way}, by {parameters}", parameters, script =>
                        {
                            // What does not become shorter may go as it is.
                            script.IsCompressed = content == "json" && size >= 256 ? true : null;
                            int count = !script.IsFull ? ManyInEveryBuild : content == "json" || size <= 8192 ? Many : FewerOfNoise;
                            for (int i = 0; i < count; i++)
                            {
                                script.Deflated(opcode, make(size, i), fragmentBytes);
                                if (i % 10 == 9)
                                {
                                    script.Await();
                                }
                            }
                        }) with
                        {
                            IsScaled = true,
                            IsLong = size > 16384 && p > 0,
                        };
                    }
                }
            }
        }
    }

    private static IEnumerable<ConformanceCase> Legal()
    {
        foreach (Chop chop in (Chop[])[Chop.Whole, Chop.Bytes])
        {
            yield return Deflate($"12.hello.{chop.Name}", $"the RFC's own \"Hello\" (7.2.3.1), sent {chop.Name}", Plain, script => Hello(script, chop, s_hello));
            yield return Deflate($"12.hello.context.{chop.Name}", $"the RFC's own \"Hello\" twice, the second by the context (7.2.3.2), sent {chop.Name}", Plain, script =>
                Hello(script, chop, s_hello, Frames.Hex("F2 00 11 00 00")));
            yield return Deflate($"12.hello.stored.{chop.Name}", $"the RFC's own \"Hello\" in a stored block (7.2.3.3), sent {chop.Name}", Plain, script => Hello(script, chop, Frames.Hex("00 05 00 FA FF 48 65 6C 6C 6F 00")));
            yield return Deflate($"12.hello.final.{chop.Name}", $"the RFC's own \"Hello\" with BFINAL (7.2.3.4), twice, sent {chop.Name}", Plain, script =>
                Hello(script, chop, Frames.Hex("F3 48 CD C9 C9 07 00 00"), Frames.Hex("F3 48 CD C9 C9 07 00 00")));
            yield return Deflate($"12.hello.final-stored.{chop.Name}", $"\"Hello\" and an empty stored block with BFINAL, whose rest is what every sender leaves away, twice, sent {chop.Name}", Plain, script =>
                Hello(script, chop, Frames.Hex("F2 48 CD C9 C9 07 04"), Frames.Hex("F2 48 CD C9 C9 07 04")));
            yield return Deflate($"12.hello.final-after-flush.{chop.Name}", $"\"Hello\", a flush, and an empty stored block with BFINAL, twice, sent {chop.Name}", Plain, script =>
                Hello(script, chop, Frames.Hex("F2 48 CD C9 C9 07 00 00 00 FF FF 01"), Frames.Hex("F2 48 CD C9 C9 07 00 00 00 FF FF 01")));
            yield return Deflate($"12.hello.two-blocks.{chop.Name}", $"the RFC's own \"Hello\" in two blocks (7.2.3.5), sent {chop.Name}", Plain, script =>
                Hello(script, chop, Frames.Hex("F2 48 05 00 00 00 FF FF CA C9 C9 07 00")));
        }

        yield return Deflate("12.hello.fragments", "the RFC's own \"Hello\" in two fragments (7.2.3.1), with a ping between", Plain, script =>
        {
            script.Send(new WireFrame(RawFrame.Text, s_hello[..3], Fin: false, Rsv: 0x40)).Lives().Send(Frames.Continuation(s_hello[3..])).Echoes(RawFrame.Text, "Hello"u8.ToArray());
            script.IsCompressed = true;
        });
        yield return Deflate("12.hello.byte-fragments", "the RFC's own \"Hello\" in fragments of one byte, and empty ones, with pings between", Plain, script =>
        {
            for (int i = 0; i < s_hello.Length; i++)
            {
                script.Send(new WireFrame(i == 0 ? RawFrame.Text : RawFrame.Continuation, [s_hello[i]], Fin: false, Rsv: i == 0 ? 0x40 : 0), Frames.Continuation([], fin: false)).Lives();
            }

            script.Send(Frames.Continuation([])).Echoes(RawFrame.Text, "Hello"u8.ToArray());
            script.IsCompressed = true;
        });
        yield return Deflate("12.hello.empty-first", "an empty first fragment that says the message is compressed", Plain, script =>
        {
            script.Send(new WireFrame(RawFrame.Text, [], Fin: false, Rsv: 0x40), Frames.Continuation(s_hello)).Echoes(RawFrame.Text, "Hello"u8.ToArray());
            script.IsCompressed = true;
        });
        foreach (string empty in (string[])["00", "01", "02 00", "02 00 00 00 FF FF 00", "00 00 00 FF FF 00"])
        {
            yield return Deflate($"12.empty.{empty.Replace(" ", "", StringComparison.Ordinal)}", $"an empty message, compressed: {empty}", Plain, script =>
            {
                script.Send(new WireFrame(RawFrame.Text, Frames.Hex(empty), Rsv: 0x40)).Echoes(RawFrame.Text, []);
                script.IsCompressed = false;
            });
        }

        yield return Deflate("12.mixed", "compressed and plain messages by turns, both kinds, with the context going on over the plain ones", Plain, script =>
        {
            for (int i = 0; i < 50; i++)
            {
                byte[] text = Json(300, i);
                script.Deflated(RawFrame.Text, text, fragmentBytes: 100).Message(RawFrame.Text, text).Deflated(RawFrame.Binary, Noise(200, i)).Message(RawFrame.Binary, []);
            }

            script.IsCompressed = true;
        });
        yield return Deflate("12.large", "a compressed message of 4 MiB", Plain, script =>
        {
            script.Deflated(RawFrame.Text, Json(4 << 20, 0), fragmentBytes: 100_000);
            script.IsCompressed = true;
        });
        foreach (string parameters in (string[])[Plain, "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8"])
        {
            yield return Deflate($"12.per-byte.{(parameters == Plain ? 15 : 8)}", $"compressed messages byte by byte, by {parameters}", parameters, script =>
            {
                script.Chop = Chop.Bytes;
                script.Deflated(RawFrame.Text, Json(1000, 1), 10).Deflated(RawFrame.Text, Json(1000, 2)).Deflated(RawFrame.Binary, Noise(100, 1));
                script.IsCompressed = true;
            });
        }

        yield return Deflate("12.as-it-comes", "messages on both sides of the threshold, with the options as they come", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", script =>
        {
            script.Deflated(RawFrame.Text, Json(100, 1)).Deflated(RawFrame.Text, Json(255, 1)).Deflated(RawFrame.Text, Json(256, 1)).Deflated(RawFrame.Binary, Noise(10_000, 1));
            script.IsCompressed = true;
        }, Setup.DeflateAsItComes);
    }

    private static IEnumerable<ConformanceCase> Hardening()
    {
        // The reserved bits again, now that one has a meaning.
        foreach (int bits in (int[])[1, 2, 3, 5, 6, 7])
        {
            yield return Bad($"rsv-{bits}", $"reserved bits {bits} where only RSV1 was agreed on", 1002, new WireFrame(RawFrame.Text, s_hello, Rsv: bits << 4) { HeaderBytes = 2, PayloadBytes = 0 });
        }

        foreach (int opcode in (int[])[RawFrame.Ping, RawFrame.Pong, RawFrame.Close])
        {
            yield return Bad($"rsv1-{Frames.NameOf(opcode)}", $"RSV1 on a {Frames.NameOf(opcode)} frame", 1002, new WireFrame(opcode, [3, 232], Rsv: 0x40) { HeaderBytes = 2, PayloadBytes = 0 });
        }

        foreach (int rsv in (int[])[0x40, 0])
        {
            yield return Deflate($"12.rsv1-continuation-of-{(rsv == 0 ? "plain" : "compressed")}", "RSV1 on a continuation: failed at its second byte", Plain, script =>
            {
                script.Send(new WireFrame(RawFrame.Text, rsv == 0 ? "He"u8.ToArray() : s_hello[..2], Fin: false, Rsv: rsv)).Lives().Send(new WireFrame(RawFrame.Continuation, s_hello, Rsv: 0x40) { HeaderBytes = 2 }).Closes(1002);
            });
        }

        // Bytes that are not deflate.
        foreach ((string hex, string what) in ((string, string)[])
            [
                ("FF FF FF", "a block of the type that does not exist"),
                ("07 00", "a block of the type that does not exist, the last"),
                ("00 05 00 00 00 48", "a stored block whose lengths differ"),
                ("F2 00 11 00 00", "a distance that goes back before the first byte"),
                ("62 01 42 02 00", "a distance that goes back before the first byte, after one literal"),
                ("", "nothing at all"),
                ("F2 48 CD", "deflate that breaks off in the middle"),
                ("F2 48 CD C9 C9", "deflate that breaks off at the last character"),
                ("00 05 00 FA FF 48 65", "a stored block that breaks off"),
                ("05 E0 81 08 00 00 00 00", "a dynamic block with an impossible code"),
                ("F2 48 CD C9 C9 07 00 FF FF FF", "deflate with bytes behind it that are none"),
            ])
        {
            yield return Bad($"bad.{(hex.Length == 0 ? "nothing" : hex.Replace(" ", "", StringComparison.Ordinal))}", what, 1007, new WireFrame(RawFrame.Text, Frames.Hex(hex), Rsv: 0x40));
        }

        yield return Bad("bad.at-once", "garbage in a fragment that is not the last: failed at once", 1007, new WireFrame(RawFrame.Text, [0xFF, 0xFF, 0xFF], Fin: false, Rsv: 0x40));
        yield return Bad("bad.in-frame", "garbage at the start of a frame that goes on: failed at once", 1007, new WireFrame(RawFrame.Binary, [0xFF, 0xFF, 0xFF, .. new byte[1000]], Rsv: 0x40) { PayloadBytes = 3 });
        yield return Deflate("12.context-given-up", "a message that points into the one before, where the context was given up", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", script =>
        {
            script.Send(new WireFrame(RawFrame.Text, s_hello, Rsv: 0x40), new WireFrame(RawFrame.Text, Frames.Hex("F2 00 11 00 00"), Rsv: 0x40)).Echoes(RawFrame.Text, "Hello"u8.ToArray()).Closes(1007);
        });

        // Text inside.
        yield return Bad("utf8.last", "compressed text that is not UTF-8", 1007, Stored(RawFrame.Text, [0x48, 0xC0, 0xAF], fin: true));
        yield return Bad("utf8.at-once", "compressed text that is not UTF-8, in a fragment that is not the last: failed at once", 1007, Stored(RawFrame.Text, [0x48, 0xF4, 0x90], fin: false));
        yield return Bad("utf8.truncated", "compressed text that ends in half a character", 1007, Stored(RawFrame.Text, [0x48, 0xE2, 0x82], fin: true));
        yield return Deflate("12.utf8.binary", "compressed bytes that are no text in a binary message", Plain, script =>
        {
            script.Send(Stored(RawFrame.Binary, [0x48, 0xC0, 0xAF], fin: true)).Echoes(RawFrame.Binary, [0x48, 0xC0, 0xAF]);
            script.IsCompressed = true;
        });

        // The limit is of what a message becomes.
        yield return Deflate("12.limit.at", "a compressed message that becomes just the limit", Plain, script =>
        {
            script.Deflated(RawFrame.Binary, new byte[Limit]).Deflated(RawFrame.Text, Json(Limit, 1), fragmentBytes: 100);
            script.IsCompressed = true;
        }, Setup.DeflateLimited);
        yield return Deflate("12.limit.over", "a compressed message that becomes a byte more than the limit", Plain, script =>
        {
            script.Deflated(RawFrame.Binary, new byte[100]).Send(new WireFrame(RawFrame.Binary, Zeros(Limit + 1), Rsv: 0x40)).Closes(1009);
            script.IsCompressed = true;
        }, Setup.DeflateLimited);
        yield return Deflate("12.limit.bomb", "97 KB that become 100 MB", Plain, script =>
        {
            script.Send(new WireFrame(RawFrame.Binary, s_bomb.Value, Rsv: 0x40)).Closes(1009);
        }, Setup.DeflateLimited);
        yield return Deflate("12.limit.bomb.at-once", "a bomb in a frame that goes on: failed as soon as it is too much", Plain, script =>
        {
            script.Send(new WireFrame(RawFrame.Binary, s_bomb.Value, Rsv: 0x40) { PayloadBytes = 2000 }).Closes(1009);
        }, Setup.DeflateLimited);
        yield return Deflate("12.limit.announced", "a compressed frame that announces far more than a message may have in any form: failed at the header", Plain, script =>
        {
            script.Send(new WireFrame(RawFrame.Binary, [], Rsv: 0x40) { AnnouncedBytes = 1 << 20 }).Closes(1009);
        }, Setup.DeflateLimited);

        static ConformanceCase Bad(string id, string description, int code, WireFrame bad) => Deflate($"12.{id}", description, Plain, script =>
        {
            script.Send(Frames.Binary([0xFF])).Send(bad).Echoes(RawFrame.Binary, [0xFF]).Closes(code);
        });
    }

    private static ConformanceCase Deflate(string id, string description, string parameters, Action<Script> write, Setup setup = Setup.Deflate) => new(id, description, write)
    {
        Setup = setup,
        Extensions = parameters,
        Agreement = parameters,
    };

    private static void Hello(Script script, Chop chop, params byte[][] messages)
    {
        script.Chop = chop;
        foreach (byte[] message in messages)
        {
            script.Send(new WireFrame(RawFrame.Text, message, Rsv: 0x40)).Echoes(RawFrame.Text, "Hello"u8.ToArray());
        }

        script.IsCompressed = true;
    }

    /// <summary>A stored block, and an empty one.</summary>
    private static WireFrame Stored(int opcode, byte[] payload, bool fin) =>
        new(opcode, [0, (byte)payload.Length, 0, (byte)~payload.Length, 0xFF, .. payload, 0], fin, Rsv: 0x40);

    /// <summary>So many zeros, as short as zlib says them.</summary>
    private static byte[] Zeros(int count)
    {
        var bytes = new MemoryStream();
        using (var deflate = new DeflateStream(bytes, CompressionLevel.SmallestSize))
        {
            deflate.Write(new byte[count]);
            deflate.Flush();
            return bytes.ToArray()[..^4];
        }
    }

    /// <summary>So many bytes that resemble each other from message to message, as JSON does.</summary>
    private static byte[] Json(int size, int number)
    {
        byte[] item = Frames.Utf8($$"""{"type":"message","topic":"/market/ticker:BTC-USDT","sn":{{number}},"data":{"price":"{{60_000 + (number % 977)}}.5","size":"0.0{{number % 89}}","side":"{{(number % 2 == 0 ? "buy" : "sell")}}"} },""");
        byte[] payload = new byte[size];
        for (int i = 0; i < size; i++)
        {
            payload[i] = item[i % item.Length];
        }

        return payload;
    }

    private static byte[] Noise(int size, int number)
    {
        byte[] payload = new byte[size];
        new Random((size * 31) + (number % 3)).NextBytes(payload);
        return payload;
    }
}
