using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace PipeWs.Server;

/// <summary>Connection middleware that takes the PROXY header off a connection and gives it the addresses that it names.</summary>
internal sealed partial class ProxyProtocolMiddleware(ProxyProtocolOptions options, TimeProvider clock, ILogger logger, ConnectionDelegate next)
{
    private const string Untrusted = "it is not from a known proxy (KnownProxies, KnownNetworks)";
    private const string Malformed = "it does not begin with a PROXY header";
    private const string TooSlow = "its PROXY header was not complete in time (HeaderTimeout)";

    public async Task OnConnectionAsync(ConnectionContext connection)
    {
        if (!options.Trusts(connection.RemoteEndPoint))
        {
            Refuse(connection, Untrusted);
            return;
        }

        if (await ReadAsync(connection) is { } header)
        {
            Apply(connection, header);
            await next(connection);
        }
    }

    /// <returns>Null where there is none: the connection was refused, or ended first, as those do that only look whether the port is open.</returns>
    private async ValueTask<ProxyHeader?> ReadAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        CancellationToken closeRequested = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        using var patience = new CancellationTokenSource(options.HeaderTimeout, clock);
        using CancellationTokenRegistration stop = closeRequested.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), patience);
        try
        {
            while (true)
            {
                ReadResult result = await input.ReadAsync(patience.Token);
                switch (ProxyHeaderReader.Read(result.Buffer, out ProxyHeader header))
                {
                    case ProxyReadStatus.Complete:
                        input.AdvanceTo(result.Buffer.GetPosition(header.LengthBytes));
                        return header;
                    case ProxyReadStatus.Malformed:
                        input.AdvanceTo(result.Buffer.Start);
                        Refuse(connection, Malformed);
                        return null;
                }

                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                if (result.IsCompleted)
                {
                    return null;
                }
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            if (!closeRequested.IsCancellationRequested)
            {
                Refuse(connection, TooSlow);
            }

            return null;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return null;
        }
    }

    private static void Apply(ConnectionContext connection, in ProxyHeader header)
    {
        connection.Features.Set<IProxyProtocolFeature>(new Feature(header.Version, header.Source is null, connection.RemoteEndPoint, connection.LocalEndPoint));
        if (header.Source is not null)
        {
            connection.RemoteEndPoint = header.Source;
            connection.LocalEndPoint = header.Destination;
        }
    }

    private void Refuse(ConnectionContext connection, string reason)
    {
        LogRefused(logger, connection.RemoteEndPoint, reason);
        connection.Abort(new ConnectionAbortedException(reason));
    }

    [LoggerMessage(EventId = 2310, EventName = "ProxyHeaderRefused", Level = LogLevel.Information, Message = "Refused a connection from {RemoteEndPoint}: {Reason}")]
    private static partial void LogRefused(ILogger logger, EndPoint? remoteEndPoint, string reason);

    private sealed record Feature(int Version, bool IsLocal, EndPoint? ProxyEndPoint, EndPoint? TransportLocalEndPoint) : IProxyProtocolFeature;
}
