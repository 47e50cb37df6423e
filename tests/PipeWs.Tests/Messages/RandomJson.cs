using System.Text;

namespace PipeWs.Tests.Messages;

/// <summary>Messages that are mostly right and wrong in the ways that matter here, from a seed.</summary>
internal sealed class RandomJson(int seed)
{
    private static readonly string[] Names =
    [
        "action", "type", "data", "payload", "id", "topic", "topics", "subject", "sn", "since", "response", "privateChannel", "epoch", "code", "from", "to", "reason",
        "recovered", "pingInterval", "pingTimeout", "\\u0061ction", "d\\u0061ta", "i\\u0064", "x", "", "Action", "acti", "actionx", "é", "\\ud83d\\ude00", "\\ud800", "long name with spaces in it",
    ];

    private static readonly string[] Strings =
    [
        "", "a", "subscribe", "last", "/market/ticker:BTC-USDT,ETH-USDT", "é日本", "\\n\\\"\\\\", "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\udc00x", "\\ud800\\ud800", "😀", "0123456789abcdef0123456789abcdef", "\\/",
    ];

    private static readonly string[] Numbers = ["0", "7", "-1", "1.5", "1e3", "-0.0E-10", "9223372036854775807", "9223372036854775808", "1e400", "123456789012345678901234567890"];

    private static readonly string[] Literals = ["true", "false", "null"];

    private static readonly string[] Spaces = ["", "", "", "", " ", "\n", "\t \r\n"];

    private readonly Random _random = new(seed);

    public byte[] Message()
    {
        List<string> members = [];
        if (_random.Next(10) > 0)
        {
            members.Add(Member(Pick(["action", "type", "\\u0061ction"]), '"' + Pick(Strings) + '"'));
        }

        if (_random.Next(3) > 0)
        {
            members.Add(Member("id", _random.Next(2) == 0 ? "\"7\"" : Pick(Numbers)));
        }

        for (int i = _random.Next(4); i > 0; i--)
        {
            members.Add(Member(Pick(Names), Value(0)));
        }

        string[] shuffled = [.. members];
        _random.Shuffle(shuffled);
        return Encoding.UTF8.GetBytes(Space() + "{" + Space() + string.Join(",", shuffled) + "}" + Space());
    }

    public byte[] Damage(byte[] message)
    {
        const string interesting = "{}[]\":,\\\u0000\n 0-.eEtfnux";
        List<byte> bytes = [.. message];
        for (int i = 1 + _random.Next(3); i > 0; i--)
        {
            int at = _random.Next(bytes.Count + 1);
            byte other = _random.Next(4) == 0 ? (byte)_random.Next(256) : (byte)interesting[_random.Next(interesting.Length)];
            switch (_random.Next(4))
            {
                case 0:
                    bytes.Insert(at, other);
                    break;
                case 1 when at < bytes.Count:
                    bytes.RemoveAt(at);
                    break;
                case 2 when at < bytes.Count:
                    bytes[at] = other;
                    break;
                case 3 when _random.Next(3) == 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    private string Member(string name, string value) => Space() + '"' + name + '"' + Space() + ":" + Space() + value + Space();

    private string Value(int depth) => _random.Next(depth > 4 ? 3 : 6) switch
    {
        0 => '"' + Pick(Strings) + '"',
        1 => Pick(Numbers),
        2 => Pick(Literals),
        3 => "[" + Space() + string.Join(",", Enumerable.Range(0, _random.Next(4)).Select(_ => Space() + Value(depth + 1) + Space())) + "]",
        4 => "{" + Space() + string.Join(",", Enumerable.Range(0, _random.Next(4)).Select(_ => Member(Pick(Names), Value(depth + 1)))) + "}",
        _ => Deep(),
    };

    private string Deep()
    {
        int levels = _random.Next(28, 36);
        return new string('[', levels) + new string(']', levels);
    }

    private string Space() => Pick(Spaces);

    private string Pick(string[] from) => from[_random.Next(from.Length)];
}
