using System.Buffers;
using System.IO.Pipelines;
using PipeWs.Protocol.Compression;
using PipeWs.Shared;

namespace PipeWs.Tests.Connections;

/// <summary>
/// Two connections talk to each other over transports of random sizes, both ways at once, and are aborted at random; what each receives is checked
/// against what the other sent: the same bytes in each sender's order, nothing twice, nothing missing where the end was clean.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class StressTests(ITestOutputHelper output)
{
    private const int Rounds = 250;

    [Fact]
    public async Task Both_sides_receive_what_the_other_sent()
    {
        int first = Environment.GetEnvironmentVariable("PIPEWS_SEED") is { Length: > 0 } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next(1_000_000);
        output.WriteLine($"seeds {first} to {first + Rounds - 1}; set PIPEWS_SEED to begin with another");
        int clean = 0;
        for (int seed = first; seed < first + Rounds; seed++)
        {
            try
            {
                clean += await RunAsync(seed) ? 1 : 0;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }

        Assert.InRange(clean, Rounds / 4, Rounds);
    }

    private static async Task<bool> RunAsync(int seed)
    {
        long before = WsFramePool.Outstanding;
        var random = new Random(seed);
        DuplexPipePair pair = DuplexPipePair.Create(RandomPipe(random), RandomPipe(random));
        using var heartbeat = new WsHeartbeat(TimeProvider.System);
        WsConnectionOptions options = new()
        {
            FlushBytes = 1 << random.Next(6, 17),
            SendBacklogBytes = 1 << random.Next(8, 17),
            MaxMessageBytes = 1 << 20,
            Compression = new()
            {
                ThresholdBytes = random.Next(300),
                Level = random.Next(1, 10),
                ServerContextTakeover = random.Next(2) == 0,
                ClientContextTakeover = random.Next(2) == 0,
            },
        };
        DeflateParameters? agreed = random.Next(4) == 0 ? null : new DeflateParameters(random.Next(8, 16), random.Next(8, 16), random.Next(2) == 0, random.Next(2) == 0);
        Side server = new(new WsConnection(pair.Connection, WsRole.Server, options, heartbeat, compression: agreed), random.Next());
        Side client = new(new WsConnection(pair.Peer, WsRole.Client, options, heartbeat, compression: agreed), random.Next());
        Task<WsCloseInfo> serverEnded = server.Connection.RunAsync(server);
        Task<WsCloseInfo> clientEnded = client.Connection.RunAsync(client);
        bool aborts = random.Next(3) == 0;

        int senders = random.Next(1, 4);
        Task[] sending = Enumerable.Range(0, 2 * senders).Select(i => Task.Run(() => (i % 2 == 0 ? server : client).SendAsync(i / 2, aborts))).ToArray();
        if (aborts)
        {
            await Task.Yield();
            Thread.SpinWait(random.Next(200_000));
            switch (random.Next(3))
            {
                case 0:
                    server.Connection.Abort();
                    break;
                case 1:
                    client.Connection.Abort();
                    break;
                default:
                    server.Connection.BeginClose(4000, "");
                    break;
            }
        }

        try
        {
            await Task.WhenAll(sending).Soon();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"server {server.State}; client {client.State}", e);
        }

        if (!aborts)
        {
            // Who closes hears no more messages, so both wait until they have heard all.
            await Conditions.UntilAsync(() => client.HasAllOf(server) && server.HasAllOf(client), "all is received");
        }

        await Task.WhenAll(server.Connection.CloseAsync(4001).AsTask(), client.Connection.CloseAsync(4002).AsTask()).Soon();
        WsCloseInfo serverInfo = await serverEnded.Soon();
        WsCloseInfo clientInfo = await clientEnded.Soon();

        client.Check(server, complete: !aborts);
        server.Check(client, complete: !aborts);
        Assert.Equal(0, server.Connection.BacklogBytes);
        Assert.Equal(0, client.Connection.BacklogBytes);
        Assert.NotEqual(true, server.Connection.Compression?.HoldsState);
        Assert.NotEqual(true, client.Connection.Compression?.HoldsState);
        Assert.Equal(before, WsFramePool.Outstanding);
        if (!aborts)
        {
            Assert.True(serverInfo.WasClean, serverInfo.ToString());
            Assert.True(clientInfo.WasClean, clientInfo.ToString());
        }

        return !aborts;
    }

    private static PipeOptions RandomPipe(Random random)
    {
        int pause = 1 << random.Next(4, 17);
        PipeScheduler scheduler = random.Next(3) == 0 ? PipeScheduler.Inline : PipeScheduler.ThreadPool;
        return new PipeOptions(null, scheduler, scheduler, pause, pause / 2, 16 << random.Next(9), useSynchronizationContext: false);
    }

    /// <summary>One end: what it sent by sender, and what it received by the other's senders.</summary>
    private sealed class Side(WsConnection connection, int seed) : WsReceiver
    {
        private const int Messages = 40;

        private readonly int[] _sent = new int[4];
        private readonly int[] _received = new int[4];
        private readonly Random _random = new(seed);
        private List<byte>? _parts;
        private string? _violation;

        public WsConnection Connection => connection;

        public string State => $"closing {connection.IsClosing}, backlog {connection.BacklogBytes}, {(connection.Closed.IsCompletedSuccessfully ? connection.Closed.Result : null)}";

        public async Task SendAsync(int sender, bool mayEnd)
        {
            var random = new Random(seed + sender);
            try
            {
                for (int i = 0; i < Messages; i++)
                {
                    byte[] message = Make(seed, sender, i);
                    var options = new WsSendOptions(NeverCompress: random.Next(5) == 0);
                    WsMessageType type = i % 2 == 0 ? WsMessageType.Text : WsMessageType.Binary;
                    switch (random.Next(5))
                    {
                        case 0:
                            WsFrame frame = WsFrame.Create(type, message);
                            bool sent = connection.TrySend(frame);
                            frame.Release();
                            if (!sent)
                            {
                                throw new WsClosedException();
                            }

                            break;
                        case 1:
                            await using (WsMessageWriter writer = connection.BeginMessage(type, options))
                            {
                                int cut = random.Next(message.Length);
                                await writer.WriteAsync(message.AsMemory(0, cut));
                                await writer.CompleteAsync(message.AsMemory(cut));
                            }

                            break;
                        case 2:
                            _ = connection.PingAsync().AsTask().ContinueWith(static ping => _ = ping.Exception, TaskScheduler.Default);
                            goto default;
                        case 3:
                            await connection.SendAsync(type, SendTests.Cut(message, 3), options);
                            break;
                        default:
                            await connection.SendAsync(type, message, options);
                            break;
                    }

                    _sent[sender]++;
                }
            }
            catch (WsClosedException) when (mayEnd)
            {
            }
        }

        public override bool ReceivesParts(WsMessageType type) => type == WsMessageType.Binary;

        public override ValueTask OnMessageAsync(WsMessageType type, ReadOnlySequence<byte> payload)
        {
            Receive(payload.ToArray(), type == WsMessageType.Text);
            return _random.Next(10) == 0 ? new ValueTask(Task.Run(static () => { })) : default;
        }

        public override ValueTask OnPartAsync(WsMessagePart part)
        {
            _parts = part.IsFirst ? [] : _parts;
            _parts!.AddRange(part.Payload.ToArray());
            if (part.IsLast)
            {
                Receive(_parts.ToArray(), isText: false);
                _parts = null;
            }

            return default;
        }

        public bool HasAllOf(Side other) =>
            _violation is not null || Enumerable.Range(0, _sent.Length).All(sender => Volatile.Read(ref _received[sender]) >= other._sent[sender]);

        public void Check(Side other, bool complete)
        {
            Assert.Null(_violation);
            for (int sender = 0; sender < _sent.Length; sender++)
            {
                // The last may have left although its sender was told that the connection ends.
                Assert.InRange(_received[sender], complete ? other._sent[sender] : 0, other._sent[sender] + 1);
            }
        }

        private static byte[] Make(int seed, int sender, int number)
        {
            var random = new Random(HashCode(seed, sender, number));
            int length = random.Next(6) switch { 0 => random.Next(3, 60_000), 1 => random.Next(3, 2_000), _ => random.Next(3, 150) };
            byte[] message = new byte[length];
            // Some cannot be compressed, some can, and some say again what was said far back.
            int letters = random.Next(3) switch { 0 => 128, 1 => 8, _ => 2 };
            for (int i = 3; i < length; i++)
            {
                message[i] = (byte)random.Next(letters);
            }

            message[0] = (byte)sender;
            message[1] = (byte)number;
            message[2] = (byte)(seed & 0x7F);
            return message;
        }

        private static int HashCode(int seed, int sender, int number) => ((seed & 0x7F) * 7919) ^ (sender * 104_729) ^ (number * 1_299_709);

        private void Receive(byte[] message, bool isText)
        {
            int sender = message[0];
            int number = message[1];
            if (number != _received[sender]++)
            {
                _violation ??= $"sender {sender}: message {number} where {_received[sender] - 1} was due";
            }
            else if (isText != (number % 2 == 0) || !message.AsSpan().SequenceEqual(Make(message[2], sender, number)))
            {
                _violation ??= $"sender {sender}: message {number} is not what was sent";
            }
        }
    }
}
