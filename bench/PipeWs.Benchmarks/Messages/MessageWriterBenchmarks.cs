using System.Text.Json;
using BenchmarkDotNet.Attributes;
using PipeWs.Messages;

namespace PipeWs.Benchmarks.Messages;

/// <summary>The server's messages, beside the same written by Utf8JsonWriter.</summary>
[MemoryDiagnoser]
public class MessageWriterBenchmarks
{
    private readonly byte[] _prefix = MessageWriter.MessagePrefix("/market/ticker:BTC-USDT");
    private readonly byte[] _subject = JsonText.Encode("ticker");
    private readonly byte[] _data = """{"price":"64250.1","size":"0.012","bestAsk":"64250.2","bestBid":"64250.1"}"""u8.ToArray();
    private readonly byte[] _id = "\"7\""u8.ToArray();
    private readonly byte[] _destination = new byte[1024];
    private readonly MessageBuffer _buffer = MessageBuffer.Rent();
    private readonly MessageBuffer _writerBuffer = MessageBuffer.Rent();
    private Utf8JsonWriter _writer = null!;

    [GlobalSetup]
    public void Setup() => _writer = new Utf8JsonWriter(_writerBuffer, new JsonWriterOptions { SkipValidation = true });

    [Benchmark(Baseline = true)]
    public int Message() => MessageWriter.WriteMessage(_destination, _prefix, _subject, 1_234_567, _data);

    [Benchmark]
    public int MessageByUtf8JsonWriter()
    {
        _writerBuffer.Clear();
        _writer.Reset(_writerBuffer);
        _writer.WriteStartObject();
        _writer.WriteString("type"u8, "message"u8);
        _writer.WriteString("topic"u8, "/market/ticker:BTC-USDT"u8);
        _writer.WriteString("subject"u8, "ticker"u8);
        _writer.WriteNumber("sn"u8, 1_234_567);
        _writer.WritePropertyName("data"u8);
        _writer.WriteRawValue(_data, skipInputValidation: true);
        _writer.WriteEndObject();
        _writer.Flush();
        return _writerBuffer.Written.Length;
    }

    [Benchmark]
    public int Ack()
    {
        _buffer.Clear();
        MessageWriter.WriteAck(_buffer, _id);
        return _buffer.Written.Length;
    }

    [Benchmark]
    public int Reply()
    {
        _buffer.Clear();
        MessageWriter.WriteReply(_buffer, _id, "subscription_success", ",\"data\":"u8, _data);
        return _buffer.Written.Length;
    }
}
