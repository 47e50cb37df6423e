namespace PipeWs.Conformance.Differential;

/// <summary>A stream whose reads are decided beforehand and complete at once, and which keeps what is written.</summary>
internal sealed class ScriptedStream(byte[] bytes, int[] pieces) : Stream
{
    private readonly MemoryStream _written = new();
    private int _piece;
    private int _position;
    private int _left = pieces.Length > 0 ? pieces[0] : 0;

    public ReadOnlySpan<byte> Written => _written.GetBuffer().AsSpan(0, (int)_written.Length);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        // An empty read is the end of a stream, so pieces of nothing are passed over.
        while (_left == 0 && _piece < pieces.Length - 1)
        {
            _left = pieces[++_piece];
        }

        int length = Math.Min(_left, buffer.Length);
        bytes.AsSpan(_position, length).CopyTo(buffer);
        _position += length;
        _left -= length;
        return length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override void Write(byte[] buffer, int offset, int count) => _written.Write(buffer, offset, count);

    public override void Write(ReadOnlySpan<byte> buffer) => _written.Write(buffer);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _written.Write(buffer.Span);
        return default;
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
