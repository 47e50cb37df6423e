using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using PipeWs.Server.Rooms;
using PipeWs.Server.Tests.Support;

namespace PipeWs.Server.Tests.Rooms;

/// <summary>
/// Many publishers, joiners, leavers, slow readers and aborters at random; every delivery is then compared with what a room promises: one order,
/// nothing twice, nothing missing without its gap message. PIPEWS_MODEL_ROUNDS sets the number of rounds, PIPEWS_MODEL_SEED the first seed.
/// </summary>
public sealed class RoomModelTests(ITestOutputHelper output)
{
    private static readonly int s_rounds = Setting("PIPEWS_MODEL_ROUNDS", 400);
    private static readonly int s_firstSeed = Setting("PIPEWS_MODEL_SEED", Random.Shared.Next(1_000_000_000));

    [Fact]
    public async Task Every_delivery_is_what_the_model_allows()
    {
        output.WriteLine($"seeds {s_firstSeed} to {s_firstSeed + s_rounds - 1}");
        int deliveries = 0, gaps = 0, resumes = 0, closes = 0;
        for (int i = 0; i < s_rounds; i++)
        {
            int seed = s_firstSeed + i;
            try
            {
                var round = new Round(seed);
                await round.RunAsync();
                deliveries += round.Deliveries;
                gaps += round.Gaps;
                resumes += round.Resumes;
                closes += round.SlowCloses;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"PIPEWS_MODEL_SEED={seed} PIPEWS_MODEL_ROUNDS=1: {e.Message}", e);
            }
        }

        output.WriteLine($"{deliveries} deliveries, {gaps} gaps, {resumes} resumes, {closes} closed as too slow");
        Assert.True(deliveries > s_rounds, "Rounds without deliveries prove nothing.");
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private sealed class Round
    {
        private readonly Random _random;
        private readonly string[] _topics;
        private readonly WsSlowConsumerPolicy _policy;
        private readonly ConcurrentDictionary<string, (string Topic, long Number, string? Key)> _published = new();
        private readonly List<Client> _clients = [];
        private readonly TestHub _hub;

        internal Round(int seed)
        {
            _random = new Random(seed);
            _policy = (WsSlowConsumerPolicy)_random.Next(4);
            _topics = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(i => $"room {i}")];
            int history = _random.Next(3) switch { 0 => 0, 1 => 5, _ => 100 };
            int lag = _random.Next(3) switch { 0 => 4, 1 => 40, _ => 1000 };
            int bytes = _random.Next(4) == 0 ? 2_000 : 1_000_000;
            _hub = new TestHub(options =>
            {
                options.SendWelcome = false;
                options.Rooms.SlowConsumerPolicy = _policy;
                options.Rooms.HistoryMessages = history;
                options.Rooms.MaxLagMessages = lag;
                options.Rooms.MaxLogBytes = bytes;
            });
        }

        internal int Deliveries { get; private set; }

        internal int Gaps { get; private set; }

        internal int Resumes { get; private set; }

        internal int SlowCloses { get; private set; }

        internal async Task RunAsync()
        {
            int clients = _random.Next(1, 8);
            int publishers = _random.Next(1, 5);
            for (int i = 0; i < clients; i++)
            {
                _clients.Add(new Client(this, _random.Next()));
            }

            List<Task> work = [];
            for (int i = 0; i < publishers; i++)
            {
                int id = i, seed = _random.Next(), count = _random.Next(1, 120);
                work.Add(Task.Run(() => Publish(id, new Random(seed), count)));
            }

            work.AddRange(_clients.Select(client => Task.Run(client.ActAsync)));
            work.Add(Task.Run(Sweep));
            await Task.WhenAll(work).WaitAsync(TimeSpan.FromSeconds(60));
            foreach (Client client in _clients)
            {
                await client.SettleAsync();
            }

            foreach (Client client in _clients)
            {
                client.Check();
            }

            foreach (Client client in _clients)
            {
                await client.Peer.DisposeAsync();
            }

            AssertNothingIsLeft();
            _hub.Dispose();
        }

        private void Publish(int id, Random random, int count)
        {
            for (int i = 0; i < count; i++)
            {
                int burst = random.Next(6) == 0 ? random.Next(1, 20) : 1;
                if (random.Next(2) == 0)
                {
                    using WsBatch.Scope batch = WsBatch.Begin();
                    PublishBurst(id, random, i, burst);
                }
                else
                {
                    PublishBurst(id, random, i, burst);
                }

                if (random.Next(8) == 0)
                {
                    Thread.Yield();
                }
            }
        }

        private void PublishBurst(int id, Random random, int step, int burst)
        {
            for (int j = 0; j < burst; j++)
            {
                string topic = _topics[random.Next(_topics.Length)];
                string message = $"{id}.{step}.{j}";
                string? key = random.Next(4) == 0 ? null : $"key {random.Next(5)}";
                string padding = new('x', random.Next(10) == 0 ? 600 : random.Next(40));
                byte[] data = Encoding.UTF8.GetBytes($"\"{message} {padding}\"");
                long number = _hub.Hub.Room(topic).Publish(data, new WsPublishOptions(random.Next(2) == 0 ? "subject" : null, key));
                _published[message] = (topic, number, key);
            }
        }

        private void Sweep()
        {
            for (int i = 0; i < 10; i++)
            {
                _hub.Hub.RoomRegistry.Sweep();
                Thread.Yield();
            }
        }

        private void AssertNothingIsLeft()
        {
            Assert.Equal(0, _hub.Hub.ConnectionCount);
            foreach (Room room in _hub.Hub.RoomRegistry.Rooms)
            {
                Assert.Equal(0, room.MemberCount);
                Assert.Empty(room.CopyMembers());
                Assert.True(room.Options.HistoryMessages > 0 && room.Log.Tail <= room.Log.Head, $"{room.Name} is empty and still there");
            }
        }

        private sealed class Client
        {
            private readonly Round _round;
            private readonly Random _random;
            private readonly Dictionary<string, string> _requests = [];
            private int _nextId;
            private bool _aborted;

            internal Client(Round round, int seed)
            {
                _round = round;
                _random = new Random(seed);
                Peer = new HubPeer(round._hub.Hub, windowBytes: _random.Next(2) == 0 ? 300 : 64 * 1024);
            }

            internal HubPeer Peer { get; }

            internal async Task ActAsync()
            {
                int steps = _random.Next(1, 12);
                for (int i = 0; i < steps && !_aborted; i++)
                {
                    await ActOnceAsync();
                    if (_random.Next(2) == 0)
                    {
                        await Task.Yield();
                    }
                }

                Peer.Resume();
            }

            private async Task ActOnceAsync()
            {
                string topic = _round._topics[_random.Next(_round._topics.Length)];
                switch (_random.Next(12))
                {
                    case < 5:
                        await SendAsync("subscribe", topic, Since(topic));
                        break;
                    case 5:
                        await SendAsync("unsubscribe", topic, "");
                        break;
                    case 6:
                        Peer.Pause();
                        break;
                    case 7:
                        Peer.Resume();
                        break;
                    case 8 when _random.Next(4) == 0:
                        _aborted = true;
                        Peer.AbortTransport();
                        break;
                    case 9:
                        int before = Peer.Texts.Count;
                        Peer.Resume();
                        await SendAsync("ping", topic, "");
                        await WaitForAnswerAsync();
                        break;
                    default:
                        Thread.SpinWait(_random.Next(20_000));
                        break;
                }
            }

            /// <summary>Head, last, or after what was received of the topic last, as a client that resumes would say it.</summary>
            private string Since(string topic)
            {
                int kind = _random.Next(3);
                if (kind == 0)
                {
                    return "";
                }

                if (kind == 1)
                {
                    return ",\"since\":\"last\"";
                }

                string epoch = _round._hub.Hub.Room(topic).Epoch;
                long head = _round._hub.Hub.Room(topic).Head;
                return $",\"since\":{{\"epoch\":\"{(_random.Next(8) == 0 ? "other" : epoch)}\",\"sn\":{Math.Max(0, head - _random.Next(12))}}}";
            }

            private Task SendAsync(string type, string topic, string since)
            {
                string id = (++_nextId).ToString(CultureInfo.InvariantCulture);
                _requests[id] = since;
                return Peer.SendAsync($"{{\"id\":\"{id}\",\"type\":\"{type}\",\"topic\":\"{topic}\"{since}}}");
            }

            private async Task WaitForAnswerAsync()
            {
                string mark = $"{{\"id\":\"{_nextId}\"";
                await Task.WhenAny(Peer.UntilAsync(texts => texts.Exists(text => text.StartsWith(mark, StringComparison.Ordinal)), $"the answer to {_nextId}"), Peer.Served);
            }

            /// <summary>Reads on until the connection has all that it will ever get.</summary>
            internal async Task SettleAsync()
            {
                Peer.Resume();
                if (_aborted)
                {
                    return;
                }

                await SendAsync("ping", _round._topics[0], "");
                await WaitForAnswerAsync();
                if (Peer.Served.IsCompleted)
                {
                    return;
                }

                foreach (string topic in _round._topics)
                {
                    long head = _round._hub.Hub.Room(topic).Head;
                    await Task.WhenAny(
                        Peer.UntilAsync(texts => new Reading(this, texts).Reads(topic) is not long next || next > head, $"message {head} of {topic} ({_round._policy})"),
                        Peer.Served);
                }
            }

            internal void Check()
            {
                Reading reading = Read();
                foreach ((string topic, long number, string message) in reading.Messages)
                {
                    Assert.True(_round._published.TryGetValue(message, out (string Topic, long Number, string? Key) published), $"nobody published {message}");
                    Assert.Equal((published.Topic, published.Number), (topic, number));
                }

                _round.Deliveries += reading.Messages.Count;
                _round.Gaps += reading.Gaps;
                _round.Resumes += reading.Resumes;
                if (Peer.CloseCode == 3008)
                {
                    Assert.Equal(WsSlowConsumerPolicy.Disconnect, _round._policy);
                    _round.SlowCloses++;
                }
            }

            private Reading Read()
            {
                List<string> texts = Peer.Texts;
                try
                {
                    return new Reading(this, texts);
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"{e.Message}\nin {_round._policy}:\n{string.Join('\n', texts.Select(text => text.TrimEnd('x', '"', '}')))}", e);
                }
            }

            /// <summary>What a client understands from what it got, strict about every number.</summary>
            private sealed class Reading
            {
                private readonly Client _client;
                private readonly Dictionary<string, long> _next = [];
                private readonly Dictionary<string, (long From, long To)> _conflated = [];

                internal Reading(Client client, List<string> texts)
                {
                    _client = client;
                    foreach (string text in texts)
                    {
                        using JsonDocument json = JsonDocument.Parse(text);
                        Take(json.RootElement, text);
                    }
                }

                internal List<(string Topic, long Number, string Message)> Messages { get; } = [];

                internal int Gaps { get; private set; }

                internal int Resumes { get; private set; }

                /// <summary>The next number it expects of a topic; null where it is not subscribed.</summary>
                internal long? Reads(string topic) => _next.TryGetValue(topic, out long next) ? next < 0 ? -next + 1 : next : null;

                private void Take(JsonElement json, string text)
                {
                    string topic = json.TryGetProperty("topic", out JsonElement element) ? element.GetString()! : "";
                    switch (json.GetProperty("type").GetString())
                    {
                        case "ack" when json.TryGetProperty("epoch", out _):
                            Joined(topic, json);
                            break;
                        case "ack":
                            _next.Remove(topic);
                            break;
                        case "error":
                            Assert.True(json.GetProperty("code").GetInt32() == 429 && _client._round._policy == WsSlowConsumerPolicy.Unsubscribe, text);
                            Assert.True(_next.Remove(topic), text);
                            break;
                        case "gap":
                            Gap(topic, json, text);
                            break;
                        case "message":
                            Message(topic, json, text);
                            break;
                    }
                }

                private void Joined(string topic, JsonElement json)
                {
                    if (_next.ContainsKey(topic))
                    {
                        return;
                    }

                    _conflated.Remove(topic);
                    long head = json.GetProperty("sn").GetInt64();
                    string since = _client._requests[json.GetProperty("id").GetString()!];
                    if (json.TryGetProperty("recovered", out JsonElement recovered) && recovered.GetBoolean())
                    {
                        Resumes++;
                        head = long.Parse(since[(since.LastIndexOf(':') + 1)..^1], CultureInfo.InvariantCulture);
                    }
                    else if (since.Contains("\"last\"", StringComparison.Ordinal))
                    {
                        // One message back, if the log holds one.
                        _next[topic] = head == 0 ? 1 : -head;
                        return;
                    }

                    _next[topic] = head + 1;
                }

                private void Gap(string topic, JsonElement json, string text)
                {
                    Gaps++;
                    (long from, long to) = (json.GetProperty("from").GetInt64(), json.GetProperty("to").GetInt64());
                    Assert.True(_next.ContainsKey(topic), $"a gap of a room it is not in: {text}");
                    Expect(topic, from, text);
                    Assert.True(to >= from, text);
                    string reason = json.GetProperty("reason").GetString()!;
                    Assert.Equal(_client._round._policy == WsSlowConsumerPolicy.Conflate ? "conflated" : "slow", reason);
                    if (reason == "conflated")
                    {
                        _conflated[topic] = (from, to);
                    }

                    _next[topic] = to + 1;
                }

                private void Message(string topic, JsonElement json, string text)
                {
                    long number = json.GetProperty("sn").GetInt64();
                    string message = json.GetProperty("data").GetString()!.Split(' ')[0];
                    Assert.True(_next.ContainsKey(topic), $"a message of a room it is not in: {text}");
                    Messages.Add((topic, number, message));
                    if (_conflated.TryGetValue(topic, out (long From, long To) range) && number <= range.To)
                    {
                        // The latest of each key, in the order of the log.
                        Assert.True(number >= range.From, text);
                        _conflated[topic] = (number + 1, range.To);
                        return;
                    }

                    Expect(topic, number, text);
                    _next[topic] = number + 1;
                }

                private void Expect(string topic, long number, string text)
                {
                    long expected = _next[topic];
                    bool right = expected < 0 ? number == -expected || number == -expected + 1 : number == expected;
                    Assert.True(right, $"expected {expected} of {topic}, got {text}");
                }
            }
        }
    }
}
