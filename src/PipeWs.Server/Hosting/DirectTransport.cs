using System.IO.Pipelines;
using System.Net.Sockets;
using System.Reflection;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using PipeWs.Sockets;

namespace PipeWs.Server;

/// <summary>A transport that is read through its pipe and written straight to its socket.</summary>
internal sealed class DirectTransport : IDuplexPipe
{
    private static readonly Assembly s_socketsTransport = typeof(SocketTransportOptions).Assembly;

    private DirectTransport(PipeReader input, SocketPipeWriter output)
    {
        Input = input;
        Output = output;
    }

    /// <inheritdoc/>
    public PipeReader Input { get; }

    /// <inheritdoc/>
    public PipeWriter Output { get; }

    /// <summary>
    /// Takes a connection's socket, where its bytes go there as they are: nothing may have been written to the connection yet.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="mode">The hub's.</param>
    /// <returns>The connection's own transport where something is between it and the socket, or might be.</returns>
    public static IDuplexPipe TakeSocketOf(ConnectionContext connection, WsLatencyMode mode)
    {
        IDuplexPipe transport = connection.Transport;
        if (FindPlainSocket(connection) is { } socket && transport.Output is { CanGetUnflushedBytes: true, UnflushedBytes: 0 })
        {
            try
            {
                return new DirectTransport(transport.Input, new SocketPipeWriter(socket, transport.Output, mode == WsLatencyMode.LowLatency));
            }
            catch (ObjectDisposedException)
            {
                // The connection was aborted meanwhile, which its own transport says in its own way.
            }
        }

        return transport;
    }

    /// <summary>
    /// Finds the socket by what the objects are, not by what the features say: UseHttps, connection logging and others like them leave the socket's feature
    /// where it was and put a pipe of their own before the transport's. Only the sockets transport can make a connection and a pipe of its internal types, and it makes them together.
    /// </summary>
    private static Socket? FindPlainSocket(ConnectionContext connection) =>
        connection is IConnectionSocketFeature own
        && connection.GetType().Assembly == s_socketsTransport
        && connection.Transport.GetType().Assembly == s_socketsTransport
        && connection.Features.Get<ITlsConnectionFeature>() is null
        && connection.Features.Get<ITlsHandshakeFeature>() is null
            ? own.Socket
            : null;
}
