using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace PipeWs.Testing;

/// <summary>The first line and the headers of an HTTP/1 request or answer, read from a pipe by code that shares nothing with the library's. What follows stays in the pipe.</summary>
internal sealed record HttpHead(string FirstLine, IReadOnlyDictionary<string, string> Headers)
{
    public static async Task<HttpHead> ReadAsync(PipeReader input, CancellationToken cancellationToken)
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
            endIsFine: false,
            cancellationToken);
        return Parse(head);
    }

    /// <summary>Reads an answer, and its body unless it is a 101.</summary>
    public static async Task<WsHandshakeAnswer> ReadAnswerAsync(PipeReader input, CancellationToken cancellationToken)
    {
        HttpHead head = await ReadAsync(input, cancellationToken);
        string[] status = head.FirstLine.Split(' ', 3);
        if (status.Length < 2 || !status[0].StartsWith("HTTP/1.", StringComparison.Ordinal) || !int.TryParse(status[1], NumberStyles.None, CultureInfo.InvariantCulture, out int code))
        {
            throw new WsAssertionException($"An answer came that is not HTTP/1: {head.FirstLine}");
        }

        // Without a length an answer's body ends with the connection. RFC 9112, section 6.3.
        string body = code == 101 ? "" : await head.ReadBodyAsync(input, endsWithConnection: true, cancellationToken);
        return new WsHandshakeAnswer(code, status.Length > 2 ? status[2] : "", head.Headers, body);
    }

    /// <summary>Reads the body that belongs to this head.</summary>
    public async Task<string> ReadBodyAsync(PipeReader input, bool endsWithConnection, CancellationToken cancellationToken)
    {
        bool hasLength = long.TryParse(Headers.GetValueOrDefault("Content-Length"), NumberStyles.None, CultureInfo.InvariantCulture, out long length);
        if (!hasLength && !endsWithConnection)
        {
            return "";
        }

        string body = "";
        await ReadUntilAsync(
            input,
            buffer =>
            {
                body = Encoding.UTF8.GetString(hasLength && buffer.Length > length ? buffer.Slice(0, length) : buffer);
                return hasLength && buffer.Length >= length ? buffer.GetPosition(length) : null;
            },
            endIsFine: !hasLength,
            cancellationToken);
        return body;
    }

    private static HttpHead Parse(string head)
    {
        string[] lines = head.Split("\r\n");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1)
            {
                throw new WsAssertionException($"A malformed header came: {line}");
            }

            string value = line[(colon + 1)..].Trim();
            headers[line[..colon]] = headers.TryGetValue(line[..colon], out string? before) ? $"{before}, {value}" : value;
        }

        return new HttpHead(lines[0], headers);
    }

    private static async Task ReadUntilAsync(PipeReader input, Func<ReadOnlySequence<byte>, SequencePosition?> tryTake, bool endIsFine, CancellationToken cancellationToken)
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

                throw new WsAssertionException($"The connection ended in the middle of HTTP, after: \"{soFar}\"");
            }
        }
    }
}
