using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Identity;

namespace PipeWs.Server;

/// <summary>Tells the judge of handshakes what a request says that HTTP already parsed.</summary>
internal static class MappedRequest
{
    private static readonly string[] Headers =
    [
        "Host", "Origin", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding",
        "Authorization", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
    ];

    // All of them but the tab. RFC 9110, section 5.5.
    private static readonly SearchValues<char> ControlChars = SearchValues.Create([.. Enumerable.Range(0, 0x20).Append(0x7F).Where(c => c != '\t').Select(c => (char)c)]);

    private static readonly byte[][] HeaderNames = [.. Headers.Select(Encoding.ASCII.GetBytes)];

    public static HandshakeRequest Read(HttpContext context, bool isExtendedConnect)
    {
        HttpRequest http = context.Request;
        var request = new HandshakeRequest
        {
            Method = isExtendedConnect ? HandshakeMethod.ExtendedConnect : http.Method == "GET" ? HandshakeMethod.Get : HandshakeMethod.Other,
            Version = VersionOf(http.Protocol),
            TargetForm = HandshakeTargetForm.Origin,
            Path = http.PathBase.HasValue ? http.PathBase.Value + http.Path.Value : http.Path.Value ?? "",
            Query = context.Features.Get<UnredactedQuery>()?.Value ?? http.QueryString.Value ?? "",
        };
        for (int i = 0; i < Headers.Length; i++)
        {
            if (http.Headers.TryGetValue(Headers[i], out StringValues values))
            {
                foreach (string? value in values)
                {
                    AddHeader(request, HeaderNames[i], value);
                }
            }
        }

        return request;
    }

    /// <summary>What HTTP's parser lets through and the raw doors do not: control characters in a value, and one header longer than 8 KiB.</summary>
    public static HandshakeRefusal CheckHeaders(IHeaderDictionary headers)
    {
        foreach ((string name, StringValues values) in headers)
        {
            foreach (string? value in values)
            {
                if (name.Length + 2 + (value?.Length ?? 0) > HandshakeLimits.Default.MaxHeaderLineBytes)
                {
                    return HandshakeRefusal.HeadersTooLong;
                }

                if (value.AsSpan().ContainsAny(ControlChars))
                {
                    return HandshakeRefusal.IllegalByte;
                }
            }
        }

        return default;
    }

    private static void AddHeader(HandshakeRequest request, byte[] name, string? value)
    {
        int length = Encoding.UTF8.GetMaxByteCount(value?.Length ?? 0);
        byte[]? rented = length > 512 ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> bytes = rented ?? stackalloc byte[512];
        request.AddHeader(name, bytes[..Encoding.UTF8.GetBytes(value, bytes)].Trim(" \t"u8));
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static HandshakeHttpVersion VersionOf(string protocol) =>
        HttpProtocol.IsHttp11(protocol) ? HandshakeHttpVersion.Http11
        : HttpProtocol.IsHttp2(protocol) || HttpProtocol.IsHttp3(protocol) ? HandshakeHttpVersion.Http2OrLater
        : HttpProtocol.IsHttp10(protocol) ? HandshakeHttpVersion.Http10
        : HandshakeHttpVersion.Other;
}
