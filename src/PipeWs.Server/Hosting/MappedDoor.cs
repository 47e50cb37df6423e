using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;
using PipeWs.Server.Identity;
using PipeWs.Server.Limits;

namespace PipeWs.Server;

/// <summary>Marks the endpoints of <c>MapPipeWs</c>.</summary>
/// <param name="Hub">The name of the hub it leads to.</param>
internal sealed record PipeWsEndpointMetadata(string Hub);

/// <summary>The mapped door: an endpoint of the application that becomes a WebSocket.</summary>
internal sealed class MappedDoor(HubDoor door, IServiceProvider services)
{
    private static readonly HandshakeRefusal CannotUpgrade = new(501, "This server cannot turn a request into a WebSocket.");

    private readonly CancellationToken _stopping = services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None;

    public async Task OnRequestAsync(HttpContext context)
    {
        IHttpExtendedConnectFeature? connect = context.Features.Get<IHttpExtendedConnectFeature>();
        HandshakeRequest request = MappedRequest.Read(context, connect is { IsExtendedConnect: true } && connect.Protocol == "websocket");
        IPEndPoint? remote = EndPointOf(context.Connection.RemoteIpAddress, context.Connection.RemotePort);
        IPEndPoint? local = EndPointOf(context.Connection.LocalIpAddress, context.Connection.LocalPort);

        HandshakeRefusal refusal = MappedRequest.CheckHeaders(context.Request.Headers);
        if (!refusal.IsRefused)
        {
            refusal = door.Check(request, context.Request.IsHttps, local);
        }

        if (!refusal.IsRefused && request.Method == HandshakeMethod.Get && context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true })
        {
            refusal = CannotUpgrade;
        }

        HubDoor.Admission admission = default;
        if (!refusal.IsRefused)
        {
            refusal = door.TryAdmit(remote, out admission);
        }

        if (refusal.IsRefused)
        {
            await RefuseAsync(context, request, refusal, remote);
            return;
        }

        using (admission)
        {
            DateTimeOffset? expiresAt = context.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Properties?.ExpiresUtc;
            HandshakeIdentity identity = await door.AuthenticateAsync(request, remote, context.Request.IsHttps, context.RequestAborted, context.User, expiresAt);
            refusal = admission.Admit(identity);
            if (refusal.IsRefused)
            {
                await RefuseAsync(context, request, refusal, remote);
                return;
            }

            string? subprotocol = SubprotocolNegotiator.Select(identity.Subprotocols, door.Options.Subprotocols);
            if (subprotocol is not null)
            {
                context.Response.Headers.SecWebSocketProtocol = subprotocol;
            }

            if (door.AgreeOnCompression(request, out DeflateParameters? compression) is { } extensions)
            {
                context.Response.Headers.SecWebSocketExtensions = extensions;
            }

            Channel? channel = request.Method == HandshakeMethod.Get
                ? await UpgradeAsync(context, request)
                : await ConnectAsync(context, connect!);
            if (channel is null)
            {
                door.Entrance.CountUpgradeLimit();
                await RefuseAsync(context, request, HubDoor.UpgradeLimit, remote);
                return;
            }

            await RunAsync(context, request, identity, channel.Value, subprotocol, compression, remote, local, admission.Place);
        }
    }

    private async Task RunAsync(HttpContext context, HandshakeRequest request, HandshakeIdentity identity, Channel channel, string? subprotocol, DeflateParameters? compression, EndPoint? remote, EndPoint? local, ConnectionPlace? place)
    {
        var accepted = new AcceptedConnection(channel.Abort)
        {
            Transport = channel.Pipe,
            Path = request.Path,
            Query = identity.Query,
            Subprotocol = subprotocol,
            Compression = compression,

            // Where somebody listens to HTTP's own activity, that continues the trace, and the connection's is its child.
            TraceParent = Activity.Current is null ? context.Request.Headers.TraceParent.ToString() : null,
            TraceState = context.Request.Headers.TraceState.ToString(),
            RemoteEndPoint = remote,
            LocalEndPoint = local,
            User = identity.User,
            ExpiresAt = identity.ExpiresAt,
            AwaitsAuthentication = identity.AwaitsAuthentication,
            Place = place,
            IsSecure = context.Request.IsHttps,
            Loop = channel.Loop,
            TransportClosed = channel.Closed,

            // Of the connection beneath the request, where the server tells it: the endpoint closes, or all of them do.
            CloseRequested = context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? _stopping,
        };

        // All that this method keeps of it for as long as the connection lives.
        AcceptedTransport control = accepted.Control;
        try
        {
            await door.Entrance.StartAsync(accepted);
            await control.Ended;
        }
        finally
        {
            control.End();
        }
    }

    /// <returns>Null where Kestrel's own limit on upgraded connections is reached.</returns>
    private static async ValueTask<Channel?> UpgradeAsync(HttpContext context, HandshakeRequest request)
    {
        SetAccept(context.Response, request);
        IHttpUpgradeFeature upgrade = context.Features.GetRequiredFeature<IHttpUpgradeFeature>();
        Stream stream;
        try
        {
            stream = await upgrade.UpgradeAsync();
        }
        catch (InvalidOperationException) when (!context.Response.HasStarted)
        {
            return null;
        }

        // In Kestrel one object is all the features of an HTTP/1.1 request; where a middleware put an upgrade of its own in the way, its stream is used.
        IConnectionTransportFeature? transport = context.Features.Get<IConnectionTransportFeature>();
        IConnectionLifetimeFeature? lifetime = context.Features.Get<IConnectionLifetimeFeature>();
        if (transport is not null && lifetime is not null && ReferenceEquals(upgrade, context.Features.Get<IHttpConnectionFeature>()))
        {
            return new Channel(transport.Transport, _ => lifetime.Abort(), lifetime.ConnectionClosed, context.Features.Get<PipeScheduler>());
        }

        return OverStream(context, stream);
    }

    private static async ValueTask<Channel?> ConnectAsync(HttpContext context, IHttpExtendedConnectFeature connect)
    {
        // A WebSocket is neither too large nor too slow a body.
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        return OverStream(context, await connect.AcceptAsync());
    }

    private static Channel OverStream(HttpContext context, Stream stream)
    {
        IHttpRequestLifetimeFeature lifetime = context.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
        return new Channel(new StreamDuplexPipe(stream), _ => lifetime.Abort(), context.RequestAborted);
    }

    private static void SetAccept(HttpResponse response, HandshakeRequest request)
    {
        Span<byte> accept = stackalloc byte[WebSocketAccept.Length];
        WebSocketAccept.Write(request.Key, accept);
        response.Headers.Upgrade = "websocket";
        response.Headers.Connection = "Upgrade";
        response.Headers.SecWebSocketAccept = Encoding.ASCII.GetString(accept);
    }

    private Task RefuseAsync(HttpContext context, HandshakeRequest request, HandshakeRefusal refusal, EndPoint? remote)
    {
        door.LogRefused(refusal, request.Path, remote);
        HttpResponse response = context.Response;
        response.Headers.Remove("Sec-WebSocket-Accept");
        response.Headers.Remove("Sec-WebSocket-Protocol");
        response.Headers.Remove("Sec-WebSocket-Extensions");
        response.Headers.Remove("Upgrade");
        response.StatusCode = refusal.StatusCode;
        response.ContentType = "text/plain; charset=utf-8";
        if (request.Version != HandshakeHttpVersion.Http2OrLater)
        {
            response.Headers.Connection = refusal.HeaderName == "Upgrade" ? "close, Upgrade" : "close";
        }

        if (refusal.HeaderName is not null)
        {
            response.Headers[refusal.HeaderName] = refusal.HeaderValue;
        }

        byte[] body = Encoding.UTF8.GetBytes(refusal.Message + "\n");
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body, 0, body.Length, context.RequestAborted);
    }

    private static IPEndPoint? EndPointOf(IPAddress? address, int port) => address is null ? null : new IPEndPoint(address, port);

    private readonly record struct Channel(IDuplexPipe Pipe, Action<Exception?> Abort, CancellationToken Closed, PipeScheduler? Loop = null);

    private sealed class StreamDuplexPipe(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }
}
