using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace PipeWs.LoadTest.Load;

/// <summary>The client's opening handshake over a blocking socket. RFC 6455, section 4.1.</summary>
internal static class ClientHandshake
{
    private const string Guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private const int MaxResponseBytes = 16 * 1024;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    /// <summary>Connects and upgrades.</summary>
    /// <param name="url">ws://host:port/path.</param>
    /// <param name="early">What the server sent behind its answer already.</param>
    /// <exception cref="ProtocolViolationException">The server answered anything but a valid 101.</exception>
    /// <exception cref="SocketException">No connection, or no answer in 15 s.</exception>
    public static Socket Connect(Uri url, out byte[] early)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = (int)Timeout.TotalMilliseconds,
            SendTimeout = (int)Timeout.TotalMilliseconds,
        };
        try
        {
            socket.Connect(url.IdnHost, url.Port);
            string key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            socket.Send(Encoding.ASCII.GetBytes(
                $"GET {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"));
            early = ReadAnswer(socket, key);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static byte[] ReadAnswer(Socket socket, string key)
    {
        byte[] answer = new byte[MaxResponseBytes];
        int length = 0;
        while (true)
        {
            int end = answer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                CheckAnswer(Encoding.ASCII.GetString(answer, 0, end), key);
                return answer[(end + 4)..length];
            }

            int received = length < answer.Length ? socket.Receive(answer.AsSpan(length)) : 0;
            if (received == 0)
            {
                throw new ProtocolViolationException(length == 0 ? DescribeSilence(socket) : "The server's answer to the handshake has no end.");
            }

            length += received;
        }
    }

    // A request that finds the connection closed is answered with a reset, which a receive that sees the end before does not tell.
    private static string DescribeSilence(Socket socket) =>
        $"The server closed the connection without an answer to the handshake, {(socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error) is 0 ? "which it had received" : "and before that came")}.";

    internal static void CheckAnswer(string answer, string key)
    {
        string[] lines = answer.Split("\r\n");
        if (!lines[0].StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
        {
            throw new ProtocolViolationException($"The server did not upgrade: {lines[0]}");
        }

        string expected = Convert.ToBase64String(Sha1(Encoding.ASCII.GetBytes(key + Guid)));
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line.AsSpan(0, colon).Equals("Sec-WebSocket-Accept", StringComparison.OrdinalIgnoreCase) && line.AsSpan(colon + 1).Trim().SequenceEqual(expected))
            {
                return;
            }
        }

        throw new ProtocolViolationException(string.Create(CultureInfo.InvariantCulture, $"The server's Sec-WebSocket-Accept is not {expected}."));
    }

#pragma warning disable CA5350 // RFC 6455, section 1.3 chose SHA-1; nothing rests on its strength.
    private static byte[] Sha1(byte[] bytes) => SHA1.HashData(bytes);
#pragma warning restore CA5350
}
