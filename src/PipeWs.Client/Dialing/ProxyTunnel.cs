using System.Buffers;
using System.Net;
using System.Text;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Client.Dialing;

/// <summary>Asks an HTTP proxy for a tunnel. RFC 9110, section 9.3.6.</summary>
internal static class ProxyTunnel
{
    private const int MaxAnswerBytes = 48 * 1024;

    public static async Task OpenAsync(Stream stream, Uri proxy, string host, int port, NetworkCredential? credential, CancellationToken cancellationToken)
    {
        string authority = host.Contains(':', StringComparison.Ordinal) && host[0] != '[' ? $"[{host}]:{port}" : $"{host}:{port}";
        var request = new StringBuilder($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if (credential is not null)
        {
            string pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.UserName}:{credential.Password}"));
            request.Append("Proxy-Authorization: Basic ").Append(pair).Append("\r\n");
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(request.Append("\r\n").ToString()), cancellationToken);
        await stream.FlushAsync(cancellationToken);

        var reader = new HandshakeResponseReader();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(MaxAnswerBytes);
        try
        {
            int length = 0;
            while (true)
            {
                int read = length == MaxAnswerBytes ? 0 : await stream.ReadAsync(buffer.AsMemory(length, MaxAnswerBytes - length), cancellationToken);
                length += read;
                HandshakeReadStatus status = reader.Read(new ReadOnlySequence<byte>(buffer, 0, length), isCompleted: read == 0);
                HandshakeResponse response = reader.Response;
                if (reader.HeadLengthBytes > 0 && response.StatusCode is >= 200 and < 300)
                {
                    // "A client MUST ignore any Content-Length ... received in a successful response to CONNECT" (RFC 9110, section 9.3.6), and the server does not speak first.
                    if (length > reader.HeadLengthBytes)
                    {
                        throw new WsDialException($"The proxy {Describe(proxy)} sent bytes of its own into the tunnel.");
                    }

                    return;
                }

                if (status == HandshakeReadStatus.Malformed)
                {
                    throw new WsDialException($"The proxy {Describe(proxy)} did not answer CONNECT as HTTP asks: {reader.Error}");
                }

                if (status == HandshakeReadStatus.Complete)
                {
                    throw Refused(proxy, authority, response);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static WsHandshakeException Refused(Uri proxy, string authority, HandshakeResponse response)
    {
        string advice = response.StatusCode == 407 ? " It asks for credentials: set them on WsClientOptions.Proxy." : "";
        string body = response.BodyExcerpt.Length == 0 ? "" : ": " + response.BodyExcerpt;
        return new WsHandshakeException($"The proxy {Describe(proxy)} refused a tunnel to {authority}: {response.StatusCode} {response.ReasonPhrase}{body}.{advice}")
        {
            StatusCode = response.StatusCode,
            ReasonPhrase = response.ReasonPhrase,
            Location = response.Location,
            BodyExcerpt = response.BodyExcerpt,
        };
    }

    // Without userinfo, which may be a password.
    internal static string Describe(Uri proxy) => $"{proxy.Host}:{proxy.Port}";
}
