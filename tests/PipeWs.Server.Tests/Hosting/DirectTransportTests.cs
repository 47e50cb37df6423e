using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Protocol.Framing;
using PipeWs.Server.Tests.Support;
using PipeWs.Sockets;

namespace PipeWs.Server.Tests.Hosting;

/// <summary>Which connections send straight to their socket, and that no other ever does.</summary>
public class DirectTransportTests
{
    [Theory]
    [InlineData(Door.Fast, WsLatencyMode.Balanced)]
    [InlineData(Door.Fast, WsLatencyMode.LowLatency)]
    [InlineData(Door.Handler, WsLatencyMode.Balanced)]
    [InlineData(Door.Handler, WsLatencyMode.LowLatency)]
    public async Task A_plain_connection_sends_straight_to_its_socket_and_keeps_no_buffer(Door door, WsLatencyMode mode)
    {
        (AcceptedConnection accepted, TestServer server) = await EchoAsync(door, configure: options => options.LatencyMode = mode);
        await using TestServer open = server;
        SocketPipeWriter writer = Assert.IsType<SocketPipeWriter>(accepted.Transport.Output);
        Assert.False(writer.HoldsBuffer);
        Assert.Equal(mode == WsLatencyMode.LowLatency, writer.IsLowLatency);
    }

    [Theory]
    [InlineData(Door.Fast, true, true)]
    [InlineData(Door.Handler, true, true)]
    [InlineData(Door.Mapped, false, true)]
    [InlineData(Door.Mapped, true, true)]
    [InlineData(Door.Fast, false, false)]
    [InlineData(Door.Handler, false, false)]
    public async Task Through_TLS_or_HTTP_or_where_it_is_switched_off_the_pipe_is_used(Door door, bool isSecure, bool sendsDirectly)
    {
        // The peer decrypts what comes, and compares: a single plain byte on the wire would break its TLS.
        (AcceptedConnection accepted, TestServer server) = await EchoAsync(door, isSecure, options => options.SendDirectly = sendsDirectly);
        await using TestServer open = server;
        Assert.IsNotType<SocketPipeWriter>(accepted.Transport.Output);
    }

    [Fact]
    public async Task Connection_logging_still_sees_every_byte()
    {
        var logged = new WireLog();
        (AcceptedConnection accepted, TestServer server) = await EchoAsync(
            Door.Fast,
            services: services => services.AddLogging(logging => logging.AddProvider(logged).SetMinimumLevel(LogLevel.Trace)),
            listen: listen => listen.UseConnectionLogging());
        await using TestServer open = server;
        Assert.IsNotType<SocketPipeWriter>(accepted.Transport.Output);
        Assert.Contains("73 65 63 72 65 74", logged.Written, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_middleware_with_a_pipe_of_its_own_gets_every_byte(bool keepsType)
    {
        // The socket's feature says nothing of either; where the connection is another object, not even its transport does.
        var seen = new StringBuilder();
        (AcceptedConnection accepted, TestServer server) = await EchoAsync(
            Door.Fast,
            listen: listen => ((IConnectionBuilder)listen).Use(next => connection =>
            {
                if (!keepsType)
                {
                    return next(new Wrapped(connection));
                }

                connection.Transport = new Tapped(connection.Transport, seen);
                return next(connection);
            }));
        await using TestServer open = server;
        Assert.IsNotType<SocketPipeWriter>(accepted.Transport.Output);
        Assert.NotNull(accepted.ConnectionFeatures!.Get<IConnectionSocketFeature>());
        Assert.Equal(keepsType, seen.ToString().Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_another_has_begun_to_write_is_not_overtaken()
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await StartAsync(
            entrance,
            Door.Fast,
            listen: listen => ((IConnectionBuilder)listen).Use(next => connection =>
            {
                "HTTP/1.1 103 Early Hints\r\n\r\n"u8.CopyTo(connection.Transport.Output.GetSpan(64));
                connection.Transport.Output.Advance(28);
                return next(connection);
            }));
        await using RawPeer peer = await server.ConnectAsync();
        await peer.SendAsync(RawPeer.Handshake());
        Assert.Equal(103, (await peer.ReadAnswerAsync()).StatusCode);
        Assert.Equal(101, (await peer.ReadAnswerAsync()).StatusCode);
        Assert.IsNotType<SocketPipeWriter>((await entrance.NextAsync()).Transport.Output);
    }

    [Fact]
    public async Task A_TLS_feature_is_enough_to_stay_with_the_pipe()
    {
        var entrance = new EchoEntrance();
        await using TestServer server = await StartAsync(
            entrance,
            Door.Fast,
            listen: listen => ((IConnectionBuilder)listen).Use(next => connection =>
            {
                connection.Features.Set<ITlsConnectionFeature>(new NoCertificate());
                return next(connection);
            }));
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync();
        Assert.IsNotType<SocketPipeWriter>((await entrance.NextAsync()).Transport.Output);
    }

    /// <summary>Starts a server whose one connection has had its <c>secret</c> back.</summary>
    private static async Task<(AcceptedConnection Accepted, TestServer Server)> EchoAsync(
        Door door, bool isSecure = false, Action<PipeWsOptions>? configure = null, Action<IServiceCollection>? services = null, Action<ListenOptions>? listen = null)
    {
        var entrance = new EchoEntrance();
        TestServer server = await StartAsync(entrance, door, isSecure, configure, services, listen);
        await using RawPeer peer = await server.ConnectAsync();
        await peer.UpgradeAsync();
        await peer.SendFrameAsync(Opcode.Text, "secret"u8);
        Assert.Equal("secret", (await peer.ReadFrameAsync()).Text);
        AcceptedConnection accepted = await entrance.NextAsync();

        // One answer later the flush of the first has returned.
        await peer.SendFrameAsync(Opcode.Close, [0x03, 0xE8]);
        await peer.ReadFrameAsync();
        await entrance.ReleasedAsync();
        return (accepted, server);
    }

    private static Task<TestServer> StartAsync(
        EchoEntrance entrance, Door door, bool isSecure = false, Action<PipeWsOptions>? configure = null, Action<IServiceCollection>? services = null, Action<ListenOptions>? listen = null) =>
        TestServer.StartAsync(
            door,
            isSecure,
            all =>
            {
                services?.Invoke(all);
                entrance.AddTo(all, options: configure);
            },
            listen: listen);

    /// <summary>What connection logging says was written, in hexadecimal.</summary>
    private sealed class WireLog : ILoggerProvider, ILogger
    {
        private readonly StringBuilder _written = new();

        public string Written
        {
            get
            {
                lock (_written)
                {
                    return _written.ToString();
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string line = formatter(state, exception);
            if (line.StartsWith("Write", StringComparison.Ordinal))
            {
                lock (_written)
                {
                    _written.AppendLine(line);
                }
            }
        }

        public void Dispose()
        {
        }
    }

    /// <summary>A connection that passes for the one beneath: its pipe, its features.</summary>
    private sealed class Wrapped(ConnectionContext inner) : ConnectionContext
    {
        public override string ConnectionId { get; set; } = inner.ConnectionId;

        public override IFeatureCollection Features => inner.Features;

        public override IDictionary<object, object?> Items { get; set; } = inner.Items;

        public override IDuplexPipe Transport { get; set; } = inner.Transport;

        public override void Abort(ConnectionAbortedException abortReason) => inner.Abort(abortReason);
    }

    private sealed class Tapped(IDuplexPipe inner, StringBuilder seen) : PipeWriter, IDuplexPipe
    {
        private Memory<byte> _memory;

        public PipeReader Input => inner.Input;

        public PipeWriter Output => this;

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => inner.Output.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _memory = inner.Output.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            seen.Append(Encoding.Latin1.GetString(_memory.Span[..bytes]));
            inner.Output.Advance(bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.Output.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.Output.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Output.Complete(exception);
    }

    private sealed class NoCertificate : ITlsConnectionFeature
    {
        public System.Security.Cryptography.X509Certificates.X509Certificate2? ClientCertificate { get; set; }

        public Task<System.Security.Cryptography.X509Certificates.X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
            Task.FromResult(ClientCertificate);
    }
}
