using System.Buffers;
using System.Net;

namespace PipeWs.LoadTest.SignalR;

/// <summary>Takes what a <see cref="HubRecordReader"/> found.</summary>
internal interface IHubRecordSink
{
    /// <summary>One hub message without its separator; valid during the call only.</summary>
    void OnRecord(ReadOnlySpan<byte> record);
}

/// <summary>
/// Splits a stream into hub messages. A WebSocket message may hold several of them, or a part of one: SignalR sends what its pipe holds.
/// </summary>
internal sealed class HubRecordReader(IHubRecordSink sink, int maxRecordBytes)
{
    private ArrayBufferWriter<byte>? _partial;

    /// <summary>Takes the payload of the next WebSocket message.</summary>
    /// <exception cref="ProtocolViolationException">A hub message is longer than any that is expected.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf(HubMessages.RecordSeparator);
            if (end < 0)
            {
                Keep(bytes);
                return;
            }

            if (_partial is { WrittenCount: > 0 })
            {
                Keep(bytes[..end]);
                sink.OnRecord(_partial.WrittenSpan);
                _partial.ResetWrittenCount();
            }
            else
            {
                sink.OnRecord(bytes[..end]);
            }

            bytes = bytes[(end + 1)..];
        }
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        _partial ??= new ArrayBufferWriter<byte>();
        if (_partial.WrittenCount + bytes.Length > maxRecordBytes)
        {
            throw new ProtocolViolationException($"The server sent a hub message longer than {maxRecordBytes} bytes.");
        }

        _partial.Write(bytes);
    }
}
