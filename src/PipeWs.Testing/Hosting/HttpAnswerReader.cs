using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace PipeWs.Testing;

/// <summary>Reads an HTTP answer, with its body, from a pipe; what follows a 101 stays there.</summary>
internal static class HttpAnswerReader
{
    public static async Task<WsHandshakeAnswer> ReadAsync(PipeReader input, CancellationToken cancellationToken)
    {
        string head = "";
        await ReadUntilAsync(
            input,
            buffer =>
            {
                var reader = new SequenceReader<byte>(buffer);
                if (!reader.TryReadTo(out ReadOnlySequence<byte> bytes, "\r\n\r\n"u8))
                {
                    return null;
                }

                head = Encoding.Latin1.GetString(bytes);
                return reader.Position;
            },
            cancellationToken);
        WsHandshakeAnswer answer = Parse(head);
        return answer.StatusCode == 101 ? answer : answer with { Body = await ReadBodyAsync(input, answer.Headers, cancellationToken) };
    }

    private static WsHandshakeAnswer Parse(string head)
    {
        string[] lines = head.Split("\r\n");
        string[] status = lines[0].Split(' ', 3);
        if (status.Length < 2 || !status[0].StartsWith("HTTP/1.", StringComparison.Ordinal) || !int.TryParse(status[1], NumberStyles.None, CultureInfo.InvariantCulture, out int code))
        {
            throw new WsAssertionException($"An answer came that is not HTTP/1: {lines[0]}");
        }

        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1)
            {
                throw new WsAssertionException($"An answer came with a malformed header: {line}");
            }

            string value = line[(colon + 1)..].Trim();
            headers[line[..colon]] = headers.TryGetValue(line[..colon], out string? before) ? $"{before}, {value}" : value;
        }

        return new WsHandshakeAnswer(code, status.Length > 2 ? status[2] : "", headers, "");
    }

    private static async Task<string> ReadBodyAsync(PipeReader input, IReadOnlyDictionary<string, string> headers, CancellationToken cancellationToken)
    {
        // Without a length the body ends with the connection. RFC 9112, section 6.3.
        bool hasLength = long.TryParse(headers.GetValueOrDefault("Content-Length"), NumberStyles.None, CultureInfo.InvariantCulture, out long length);
        string body = "";
        await ReadUntilAsync(
            input,
            buffer =>
            {
                body = Encoding.UTF8.GetString(hasLength && buffer.Length > length ? buffer.Slice(0, length) : buffer);
                return hasLength && buffer.Length >= length ? buffer.GetPosition(length) : null;
            },
            cancellationToken,
            endIsFine: !hasLength);
        return body;
    }

    private static async Task ReadUntilAsync(PipeReader input, Func<ReadOnlySequence<byte>, SequencePosition?> tryTake, CancellationToken cancellationToken, bool endIsFine = false)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (tryTake(result.Buffer) is { } consumed)
            {
                input.AdvanceTo(consumed);
                return;
            }

            string soFar = Encoding.Latin1.GetString(result.Buffer.Slice(0, Math.Min(result.Buffer.Length, 500)));
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted)
            {
                if (endIsFine)
                {
                    return;
                }

                throw new WsAssertionException($"The connection ended in the middle of an HTTP answer, after: \"{soFar}\"");
            }
        }
    }
}
