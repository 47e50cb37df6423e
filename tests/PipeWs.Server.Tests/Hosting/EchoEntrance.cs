using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Protocol.Framing;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server.Tests.Hosting;

/// <summary>Stands in for the hub: echoes frames, answers a close, and counts its places.</summary>
internal sealed class EchoEntrance : IHubEntrance
{
    private readonly ConcurrentDictionary<Place, bool> _places = new();
    private readonly Channel<AcceptedConnection> _accepted = Channel.CreateUnbounded<AcceptedConnection>();
    private readonly Channel<int> _released = Channel.CreateUnbounded<int>();

    public int MaxConnections { get; set; } = int.MaxValue;

    public int Places => _places.Count;

    public int DoubleReleases { get; private set; }

    /// <summary>The next connection that was accepted.</summary>
    public async Task<AcceptedConnection> NextAsync()
    {
        using var patience = new CancellationTokenSource(Support.RawPeer.Patience);
        return await _accepted.Reader.ReadAsync(patience.Token);
    }

    /// <summary>Waits for a place to be given back.</summary>
    public async Task ReleasedAsync()
    {
        using var patience = new CancellationTokenSource(Support.RawPeer.Patience);
        await _released.Reader.ReadAsync(patience.Token);
    }

    public void AddTo(IServiceCollection services, string name = "", Action<PipeWsOptions>? options = null)
    {
        services.AddPipeWs(name, options);
        services.AddKeyedSingleton<IHubEntrance>(name, this);
    }

    public bool TryReserve(EndPoint? remote, [NotNullWhen(true)] out IDisposable? place, out HandshakeRefusal refusal)
    {
        refusal = default;
        var taken = new Place(this);
        _places[taken] = true;
        if (_places.Count <= MaxConnections)
        {
            place = taken;
            return true;
        }

        _places.TryRemove(taken, out _);
        place = null;
        refusal = HandshakeRefusal.Unavailable("The hub is full.");
        return false;
    }

    public Task StartAsync(AcceptedConnection connection)
    {
        _ = RunAsync(connection);
        return Task.CompletedTask;
    }

    private async Task RunAsync(AcceptedConnection connection)
    {
        _accepted.Writer.TryWrite(connection);
        PipeWriter output = connection.Transport.Output;
        using CancellationTokenRegistration stop = connection.CloseRequested.UnsafeRegister(
            static state => ((AcceptedConnection)state!).Transport.Input.CancelPendingRead(), connection);
        try
        {
            output.Write(connection.Answer.Span);
            await output.FlushAsync();
            while (await EchoAsync(connection))
            {
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or Microsoft.AspNetCore.Connections.ConnectionAbortedException)
        {
        }
        finally
        {
            connection.End();
        }
    }

    private static async Task<bool> EchoAsync(AcceptedConnection connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        ReadResult result = await input.ReadAsync();
        ReadOnlySequence<byte> buffer = result.Buffer;
        bool goOn = true;
        while (goOn && TryTake(ref buffer, out Opcode opcode, out byte[] payload))
        {
            byte[] header = new byte[FrameHeader.MaxLength];
            int length = FrameHeader.Write(header, opcode == Opcode.Ping ? Opcode.Pong : opcode, payload.Length);
            output.Write(header.AsSpan(0, length));
            output.Write(payload);
            goOn = opcode != Opcode.Close;
        }

        input.AdvanceTo(buffer.Start, buffer.End);
        if (goOn && connection.CloseRequested.IsCancellationRequested)
        {
            output.Write((ReadOnlySpan<byte>)[0x88, 0x02, 0x03, 0xE9]);
            goOn = false;
        }

        await output.FlushAsync();
        return goOn && !result.IsCompleted;
    }

    private static bool TryTake(ref ReadOnlySequence<byte> buffer, out Opcode opcode, out byte[] payload)
    {
        opcode = default;
        payload = [];
        byte[] start = buffer.Slice(0, Math.Min(buffer.Length, FrameHeader.MaxLength)).ToArray();
        if (!FrameHeader.TryRead(start, out FrameHeader header) || buffer.Length < header.Length + (long)header.PayloadLength)
        {
            return false;
        }

        opcode = header.Opcode;
        payload = buffer.Slice(header.Length, (long)header.PayloadLength).ToArray();
        byte[] key = BitConverter.GetBytes(header.MaskingKey);
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] ^= key[i % 4];
        }

        buffer = buffer.Slice(header.Length + (long)header.PayloadLength);
        return true;
    }

    private sealed class Place(EchoEntrance entrance) : IDisposable
    {
        public void Dispose()
        {
            if (!entrance._places.TryRemove(this, out _))
            {
                entrance.DoubleReleases++;
            }

            entrance._released.Writer.TryWrite(0);
        }
    }
}
