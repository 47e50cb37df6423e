using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using PipeWs.Protocol.Framing;

namespace PipeWs.Benchmarks.Clients;

/// <summary>
/// A server in a process of its own that answers every handshake and then sends text messages: as fast as they are taken, or one about every millisecond that begins with the moment of
/// its sending, which the system's monotonic clock makes comparable between processes.
/// </summary>
internal sealed class FloodProcess : IDisposable
{
    public const string Command = "client-flood";

    /// <summary>How many digits the moment of sending has.</summary>
    public const int MomentDigits = 19;

    private const string Paced = "paced";
    private const int ChunkBytes = 128 * 1024;

    private readonly Process _process;

    private FloodProcess(Process process, Uri uri)
    {
        _process = process;
        Uri = uri;
    }

    public Uri Uri { get; }

    /// <summary>Starts this program again as the server.</summary>
    /// <param name="bytes">The length of a message.</param>
    /// <param name="isPaced">Whether it sends a message a millisecond with its moment, and not as fast as it can.</param>
    public static FloodProcess Start(int bytes, bool isPaced = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, isPaced ? MomentDigits : 1);
        string[] program = Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? [typeof(FloodProcess).Assembly.Location] : [];
        var start = new ProcessStartInfo(Environment.ProcessPath, [.. program, Command, bytes.ToString(CultureInfo.InvariantCulture), .. isPaced ? [Paced] : Array.Empty<string>()])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        Process process = Process.Start(start)!;
        int port = int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        return new FloodProcess(process, new Uri($"ws://127.0.0.1:{port}/"));
    }

    /// <summary>The server: it ends with its standard input.</summary>
    public static void Serve(string[] arguments)
    {
        int bytes = int.Parse(arguments[0], CultureInfo.InvariantCulture);
        Action<Socket> send = arguments.Contains(Paced) ? socket => SendPaced(socket, bytes) : socket => SendAll(socket, Frames(bytes));
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Console.WriteLine(((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture));
        new Thread(() =>
        {
            while (true)
            {
                Socket socket = listener.AcceptSocket();
                new Thread(() => Send(socket, send)) { IsBackground = true }.Start();
            }
        })
        { IsBackground = true }.Start();
        Console.In.ReadToEnd();
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static void Send(Socket socket, Action<Socket> send)
    {
        using (socket)
        {
            try
            {
                socket.NoDelay = true;
                var head = new byte[16 * 1024];
                int length = 0;
                string text;
                do
                {
                    length += socket.Receive(head, length, head.Length - length, SocketFlags.None);
                    text = Encoding.ASCII.GetString(head, 0, length);
                }
                while (!text.Contains("\r\n\r\n", StringComparison.Ordinal));
                string key = text.Split("\r\n").First(static line => line.StartsWith("Sec-WebSocket-Key:", StringComparison.OrdinalIgnoreCase))[18..].Trim();
#pragma warning disable CA5350 // The handshake is defined with SHA-1 (RFC 6455, section 4.2.2).
                string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
                socket.Send(Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"));
                send(socket);
            }
            catch (SocketException)
            {
                // The client had what it wanted.
            }
        }
    }

    private static void SendAll(Socket socket, byte[] frames)
    {
        while (true)
        {
            int sent = 0;
            while (sent < frames.Length)
            {
                sent += socket.Send(frames.AsSpan(sent));
            }
        }
    }

    private static void SendPaced(Socket socket, int bytes)
    {
        var frame = new byte[FrameHeader.MaxLength + bytes];
        int header = FrameHeader.Write(frame, Opcode.Text, bytes);
        frame.AsSpan(header, bytes).Fill((byte)' ');
        while (true)
        {
            Thread.Sleep(1);
            Stopwatch.GetTimestamp().TryFormat(frame.AsSpan(header), out _, "D19", CultureInfo.InvariantCulture);
            socket.Send(frame.AsSpan(0, header + bytes));
        }
    }

    private static byte[] Frames(int bytes)
    {
        var frame = new byte[FrameHeader.MaxLength + bytes];
        int header = FrameHeader.Write(frame, Opcode.Text, bytes);
        frame.AsSpan(header, bytes).Fill((byte)'x');
        int count = Math.Max(1, ChunkBytes / (header + bytes));
        var frames = new byte[count * (header + bytes)];
        for (int i = 0; i < count; i++)
        {
            frame.AsSpan(0, header + bytes).CopyTo(frames.AsSpan(i * (header + bytes)));
        }

        return frames;
    }
}
