using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Shared;

namespace PipeWs.Server.Tests.Hosting;

public sealed class MemoryBlocksTests
{
    [Theory]
    [InlineData(null, 32 * 1024)]
    [InlineData(64 * 1024, 64 * 1024)]
    [InlineData(4 * 1024, 4 * 1024)]
    [InlineData(24_000, 32 * 1024)]
    [InlineData(1024 * 1024, 1024 * 1024)]
    public async Task Kestrels_sockets_receive_into_blocks_of_this_size(int? asked, int expected)
    {
        // As much as comes to lie in one block however it is cut: Kestrel takes the next where less than 2 KiB are left.
        byte[] sent = new byte[expected - 2048];
        Random.Shared.NextBytes(sent);
        var received = new TaskCompletionSource<(bool IsOnePiece, byte[] Bytes, int BlockBytes)>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication app = await StartAsync(
            web => _ = asked is { } bytes ? web.UseMemoryBlocks(bytes) : web.UseMemoryBlocks(),
            async connection =>
            {
                PipeReader input = connection.Transport.Input;
                ReadResult read = await input.ReadAtLeastAsync(sent.Length);
                received.SetResult((read.Buffer.IsSingleSegment, read.Buffer.ToArray(), connection.Features.Get<IMemoryPoolFeature>()!.MemoryPool.MaxBufferSize));
                input.AdvanceTo(read.Buffer.End);
            });
        using Socket client = await ConnectAsync(app);
        await client.SendAsync(sent).Soon();

        (bool isOnePiece, byte[] bytes, int blockBytes) = await received.Task.Soon();

        Assert.Equal(expected, blockBytes);
        Assert.Equal(sent, bytes);
        Assert.True(isOnePiece);
    }

    [Fact]
    public async Task The_last_call_counts()
    {
        var found = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication app = await StartAsync(
            static web => web.UseMemoryBlocks(16 * 1024).UseMemoryBlocks(128 * 1024),
            connection =>
            {
                found.SetResult(connection.Features.Get<IMemoryPoolFeature>()!.MemoryPool.MaxBufferSize);
                return Task.CompletedTask;
            });
        using Socket client = await ConnectAsync(app);

        Assert.Equal(128 * 1024, await found.Task.Soon());
    }

    [Theory]
    [InlineData(4 * 1024 - 1)]
    [InlineData(1024 * 1024 + 1)]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_size_out_of_reach_is_refused(int blockBytes)
    {
        IWebHostBuilder web = WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).WebHost;

        Assert.Equal("blockBytes", Assert.Throws<ArgumentOutOfRangeException>(() => web.UseMemoryBlocks(blockBytes)).ParamName);
    }

    [Fact]
    public void Blocks_that_are_out_together_are_different_ones()
    {
        using MemoryPool<byte> pool = Create(8192);
        IMemoryOwner<byte>[] blocks = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent())];
        for (int i = 0; i < blocks.Length; i++)
        {
            Assert.Equal(8192, blocks[i].Memory.Length);
            blocks[i].Memory.Span.Fill((byte)i);
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            Assert.Equal(8192, blocks[i].Memory.Span.Count((byte)i));
            blocks[i].Dispose();
        }
    }

    [Fact]
    public void A_block_that_was_given_back_is_nobodys()
    {
        using MemoryPool<byte> pool = Create(8192);
        IMemoryOwner<byte> block = pool.Rent(100);
        block.Dispose();
        block.Dispose();

        Assert.Throws<ObjectDisposedException>(() => block.Memory);
        using IMemoryOwner<byte> first = pool.Rent();
        using IMemoryOwner<byte> second = pool.Rent();
        Assert.False(first.Memory.Span.Overlaps(second.Memory.Span));
    }

    [Fact]
    public void More_than_a_block_is_refused_and_so_is_a_pool_that_is_gone()
    {
        MemoryPool<byte> pool = Create(8192);
        using IMemoryOwner<byte> whole = pool.Rent(8192);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(8193));

        pool.Dispose();

        Assert.Throws<ObjectDisposedException>(() => pool.Rent());

        // What is out stays its holder's until it is given back.
        Assert.Equal(8192, whole.Memory.Length);
    }

    [Fact]
    public void Taking_and_giving_back_allocates_nothing()
    {
        using MemoryPool<byte> pool = Create(32 * 1024);

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                IMemoryOwner<byte> first = pool.Rent(4096);
                first.Dispose();
            }
        }));
    }

    private static MemoryPool<byte> Create(int blockBytes) => new MemoryBlocks.Factory(blockBytes).Create();

    private static async Task<WebApplication> StartAsync(Action<IWebHostBuilder> configure, ConnectionDelegate serve)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseSockets().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => ((IConnectionBuilder)listen).Use(_ => serve)));
        configure(builder.WebHost);
        WebApplication app = builder.Build();
        await app.StartAsync();
        return app;
    }

    private static async Task<Socket> ConnectAsync(WebApplication app)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(app.Urls.First()).Port).Soon();
        return socket;
    }
}
