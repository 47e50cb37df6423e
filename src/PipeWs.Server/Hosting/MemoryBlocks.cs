using System.Buffers;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.ObjectPool;

namespace PipeWs.Server;

/// <summary>Memory for Kestrel's pipes in blocks of a chosen size. The arrays are the shared pool's, which hands out the last one used first and gives back what lies idle. May be used by any thread.</summary>
internal sealed class MemoryBlocks : MemoryPool<byte>
{
    private static readonly DefaultObjectPool<Block> s_blocks = new(new DefaultPooledObjectPolicy<Block>(), 4 * 1024);

    private readonly int _blockBytes;
    private volatile bool _isDisposed;

    private MemoryBlocks(int blockBytes) => _blockBytes = blockBytes;

    /// <inheritdoc/>
    public override int MaxBufferSize => _blockBytes;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, _blockBytes);
        Block block = s_blocks.Get();
        block.Fill(_blockBytes);
        return block;
    }

    /// <summary>Nothing more is rented; what is out comes back as before.</summary>
    protected override void Dispose(bool disposing) => _isDisposed = true;

    /// <summary>Makes one for each of Kestrel's transports.</summary>
    internal sealed class Factory(int blockBytes) : IMemoryPoolFactory<byte>
    {
        /// <inheritdoc/>
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new MemoryBlocks(blockBytes);
    }

    private sealed class Block : IMemoryOwner<byte>
    {
        private byte[]? _array;

        public Memory<byte> Memory => _array ?? throw new ObjectDisposedException(nameof(Block), "The block was given back.");

        public void Fill(int bytes) => _array = ArrayPool<byte>.Shared.Rent(bytes);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _array, null) is { } array)
            {
                ArrayPool<byte>.Shared.Return(array);
                s_blocks.Return(this);
            }
        }
    }
}
