using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using PipeWs.LoadTest.Compare;
using PipeWs.LoadTest.Load;
using PipeWs.LoadTest.Measurement;
using PipeWs.Protocol.Framing;

namespace PipeWs.LoadTest.Tests.Servers;

/// <summary>SIGTERM to a real process with 5,000 connections, each with messages on their way.</summary>
public sealed class ShutdownProcessTests
{
    private const int Connections = 5000;
    private const int Messages = 16;
    private const int MessageBytes = 1024;
    private static readonly TimeSpan s_shutdownLimit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("fast")]
    [InlineData("mapped")]
    public async Task Every_client_reads_what_is_pending_and_then_1001_and_the_process_is_gone_in_time(string door)
    {
        if (FileLimit.Explain(Connections, FileLimit.Read()) is { } tooFew)
        {
            Assert.Skip(tooFew);
        }

        await using var process = ChildProcess.Start(["serve", "--server", "pipews", "--port", "0", "--door", door, "--shutdown-seconds", $"{s_shutdownLimit.TotalSeconds}"], core: null, _ => { });
        string? line = await process.Output.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(line);
        var url = new Uri("ws" + line["ready http".Length..] + "/bcast");
        var sockets = new List<Socket>(Connections);
        var peers = new List<Peer>(Connections);
        try
        {
            for (int i = 0; i < Connections; i++)
            {
                sockets.Add(ClientHandshake.Connect(url, out byte[] early));
                Assert.Empty(early);
                peers.Add(new Peer(sockets[i]));
            }

            // The answer to a handshake leaves before the connection is listed; nothing of it is read before.
            peers.ForEach(static peer => peer.Send(Opcode.Ping, []));
            peers.ForEach(static peer => peer.ReadPong());

            for (int i = 0; i < Messages; i++)
            {
                peers[0].Send(Opcode.Text, Encoding.ASCII.GetBytes($"{i,MessageBytes}"));
            }

            // When the publisher has its own, they are in the room; the others read nothing before the signal.
            peers[0].ReadMessages();
            long start = Stopwatch.GetTimestamp();
            process.Terminate();

            Task<int> exit = process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Parallel.For(1, Connections, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            {
                peers[i].ReadMessages();
                peers[i].ReadGoodbye();
            });
            peers[0].ReadGoodbye();

            Assert.Equal(0, await exit.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            TestContext.Current.TestOutputHelper!.WriteLine($"{Connections} connections were gone after {took.TotalSeconds:0.0} s.");

            // A machine to itself needs a few seconds; one that runs other tests beside is only held to the limit of the shutdown itself.
            Assert.InRange(took, TimeSpan.Zero, Environment.GetEnvironmentVariable("PIPEWS_LONG") == "1" ? TimeSpan.FromSeconds(10) : s_shutdownLimit);
        }
        finally
        {
            foreach (Socket socket in sockets)
            {
                socket.Dispose();
            }
        }
    }

    /// <summary>Frames over a blocking socket.</summary>
    private sealed class Peer(Socket socket)
    {
        private readonly byte[] _buffer = new byte[4 * MessageBytes];
        private int _start;
        private int _end;

        public void Send(Opcode opcode, ReadOnlySpan<byte> payload)
        {
            byte[] frame = new byte[FrameHeader.MaxLength + payload.Length];
            int header = FrameHeader.WriteMasked(frame, opcode, payload.Length, 0x11223344);
            Masking.Apply(payload, frame.AsSpan(header), 0x11223344);
            socket.Send(frame.AsSpan(0, header + payload.Length));
        }

        public void ReadPong() => Assert.Equal(Opcode.Pong, ReadFrame().Opcode);

        public void ReadMessages()
        {
            for (int i = 0; i < Messages; i++)
            {
                (Opcode opcode, ReadOnlyMemory<byte> payload) = ReadFrame();
                Assert.Equal(Opcode.Text, opcode);
                Assert.Equal($"{i,MessageBytes}", Encoding.ASCII.GetString(payload.Span));
            }
        }

        /// <summary>
        /// 1001, its echo, and the end of the stream. One that comes to its echo after the closing handshake's time finds a reset in its place: all was read by then.
        /// </summary>
        public void ReadGoodbye()
        {
            (Opcode opcode, ReadOnlyMemory<byte> payload) = ReadFrame();
            Assert.Equal(Opcode.Close, opcode);
            Assert.Equal([0x03, 0xE9], payload.Span[..2].ToArray());
            Assert.Equal(_start, _end);
            try
            {
                Send(Opcode.Close, [0x03, 0xE9]);
                Assert.Equal(0, socket.Receive(_buffer));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
            {
            }
        }

        private (Opcode Opcode, ReadOnlyMemory<byte> Payload) ReadFrame()
        {
            while (true)
            {
                ReadOnlySpan<byte> bytes = _buffer.AsSpan(_start, _end - _start);
                if (FrameHeader.TryRead(bytes, out FrameHeader header) && (ulong)(bytes.Length - header.Length) >= header.PayloadLength)
                {
                    Assert.True(header.Fin);
                    ReadOnlyMemory<byte> payload = _buffer.AsMemory(_start + header.Length, (int)header.PayloadLength);
                    _start += header.Length + (int)header.PayloadLength;
                    return (header.Opcode, payload);
                }

                bytes.CopyTo(_buffer);
                (_start, _end) = (0, bytes.Length);
                int received = socket.Receive(_buffer.AsSpan(_end));
                Assert.NotEqual(0, received);
                _end += received;
            }
        }
    }
}
