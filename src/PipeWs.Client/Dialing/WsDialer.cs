using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Client.Dialing;

/// <summary>Opens one connection: name, address, proxy, TLS, handshake, all within one time. Safe from any thread.</summary>
internal sealed class WsDialer
{
    private readonly WsClientOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly IWsTransportFactory _transports;

    public WsDialer(WsClientOptions options)
    {
        _options = options;
        _timeProvider = options.TimeProvider;
        _transports = options.TransportFactory ?? new TcpTransportFactory(_timeProvider);
    }

    /// <summary>Dials.</summary>
    /// <exception cref="WsDialException">It did not succeed, for the reason in the message.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<DialedConnection> DialAsync(DialTarget target, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.DialTimeout, _timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        long start = _timeProvider.GetTimestamp();
        var progress = new DialProgress();
        try
        {
            // A factory or a name server that does not heed its token must not hold the dial up beyond its time.
            Task<DialedConnection> dial = DialCoreAsync(target, progress, start, either.Token);
            try
            {
                return await dial.WaitAsync(either.Token);
            }
            catch (OperationCanceledException)
            {
                // It may have succeeded all the same, just now or later.
                progress.Abort();
                _ = DropAsync(dial);
                throw;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && timeout.IsCancellationRequested)
        {
            throw new WsDialException($"No connection to {target.Description} within {_options.DialTimeout.TotalSeconds:0.###} s; {progress.Step} was under way.") { Endpoint = target.Description };
        }
        catch (WsDialException e) when (e.Endpoint is null)
        {
            throw Located(e, target);
        }
        catch (Exception e) when (e is not (OperationCanceledException or WsDialException))
        {
            throw new WsDialException($"No connection to {target.Description}: {progress.Step} failed: {e.Message}", e) { Endpoint = target.Description };
        }
    }

    private async Task<DialedConnection> DialCoreAsync(DialTarget target, DialProgress progress, long start, CancellationToken cancellationToken)
    {
        IDuplexPipe? pipe = null;
        try
        {
            WsTransport transport = await OpenAsync(target, progress, cancellationToken);
            pipe = transport.Pipe ?? new StreamDuplexPipe(progress.Stream!);
            (string? subprotocol, DeflateParameters? compression) = await ShakeHandsAsync(pipe, target, progress, cancellationToken);
            return new DialedConnection(pipe, _ => progress.Abort(), subprotocol, compression, transport.RemoteEndPoint, _timeProvider.GetElapsedTime(start));
        }
        catch (Exception)
        {
            progress.Abort();
            if (pipe is not null)
            {
                await CompleteAsync(pipe);
            }

            throw;
        }
    }

    private async Task<WsTransport> OpenAsync(DialTarget target, DialProgress progress, CancellationToken cancellationToken)
    {
        Uri? proxy = FindProxy(target.Endpoint);
        string host = target.Endpoint.IdnHost;
        progress.Step = proxy is null ? "connecting" : $"connecting to the proxy {ProxyTunnel.Describe(proxy)}";
        WsTransport transport = await _transports.ConnectAsync(proxy is null ? new DnsEndPoint(host, target.Port) : new DnsEndPoint(proxy.IdnHost, proxy.Port), cancellationToken);
        progress.Own(transport);
        if (transport.Stream is not { } stream)
        {
            return transport;
        }

        if (proxy is not null)
        {
            progress.Step = "the proxy's answer";
            await ProxyTunnel.OpenAsync(stream, proxy, host, target.Port, _options.Proxy!.Credentials?.GetCredential(proxy, "Basic"), cancellationToken);
        }

        if (target.IsSecure)
        {
            progress.Step = "the TLS handshake";
            var tls = new SslStream(stream, leaveInnerStreamOpen: false);
            progress.Stream = tls;
            await tls.AuthenticateAsClientAsync(CreateTlsOptions(_options.Tls, host), cancellationToken);
        }

        return transport;
    }

    private Uri? FindProxy(Uri endpoint)
    {
        if (_options.Proxy is not { } proxy)
        {
            return null;
        }

        // A proxy's rules are written for HTTP.
        var asHttp = new UriBuilder(endpoint) { Scheme = endpoint.Scheme == "wss" ? Uri.UriSchemeHttps : Uri.UriSchemeHttp }.Uri;
        Uri? address = proxy.IsBypassed(asHttp) ? null : proxy.GetProxy(asHttp);
        if (address is null || address == asHttp)
        {
            return null;
        }

        return address.Scheme == Uri.UriSchemeHttp
            ? address
            : throw new WsDialException($"The proxy {ProxyTunnel.Describe(address)} is to be spoken to by '{address.Scheme}'; only 'http' is supported.");
    }

    /// <summary>The application's options, which stay as they are, with what a WebSocket needs.</summary>
    internal static SslClientAuthenticationOptions CreateTlsOptions(SslClientAuthenticationOptions? given, string host)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = string.IsNullOrEmpty(given?.TargetHost) ? host : given.TargetHost,

            // WebSocket over TLS is HTTP/1.1: a server that would rather speak HTTP/2 must not choose it.
            ApplicationProtocols = given?.ApplicationProtocols ?? [SslApplicationProtocol.Http11],
        };
        if (given is not null)
        {
            options.AllowRenegotiation = given.AllowRenegotiation;
            options.AllowTlsResume = given.AllowTlsResume;
            options.CertificateChainPolicy = given.CertificateChainPolicy;
            options.CertificateRevocationCheckMode = given.CertificateRevocationCheckMode;
            options.CipherSuitesPolicy = given.CipherSuitesPolicy;
            options.ClientCertificateContext = given.ClientCertificateContext;
            options.ClientCertificates = given.ClientCertificates;
            options.EnabledSslProtocols = given.EnabledSslProtocols;
            options.EncryptionPolicy = given.EncryptionPolicy;
            options.LocalCertificateSelectionCallback = given.LocalCertificateSelectionCallback;
            options.RemoteCertificateValidationCallback = given.RemoteCertificateValidationCallback;
            if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
            {
                options.AllowRsaPkcs1Padding = given.AllowRsaPkcs1Padding;
                options.AllowRsaPssPadding = given.AllowRsaPssPadding;
            }
        }

        return options;
    }

    /// <summary>Asks, and judges the answer strictly; what follows the answer's head stays in the pipe as the first frames.</summary>
    private async Task<(string? Subprotocol, DeflateParameters? Compression)> ShakeHandsAsync(IDuplexPipe pipe, DialTarget target, DialProgress progress, CancellationToken cancellationToken)
    {
        progress.Step = "the handshake";
        DeflateParameters? wanted = _options.Compression?.ToParameters();
        DeflateParameters? compression = null;
        var offer = new HandshakeOffer
        {
            Target = target.Target,
            Host = target.HostHeader,
            Subprotocols = [.. _options.Subprotocols],
            Extensions = wanted is { } asked ? DeflateNegotiation.WriteOffer(asked) : null,
            Origin = _options.Origin,
            Headers = target.Headers,
        };
        var key = new byte[WebSocketKey.Length];
        WebSocketKey.Generate(key);
        HandshakeRequestWriter.Write(pipe.Output, offer, key);
        await pipe.Output.FlushAsync(cancellationToken);

        var reader = new HandshakeResponseReader();
        while (true)
        {
            ReadResult result = await pipe.Input.ReadAsync(cancellationToken);
            HandshakeReadStatus status = reader.Read(result.Buffer, result.IsCompleted);
            if (status == HandshakeReadStatus.Incomplete)
            {
                pipe.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                continue;
            }

            HandshakeResponse response = reader.Response;
            string? error = status == HandshakeReadStatus.Malformed ? reader.Error : HandshakeResponseRules.Check(response, offer, key);
            if (error is null && wanted is { } offered)
            {
                error = DeflateNegotiation.CheckAnswer(response.Extensions, offered, out compression);
            }

            pipe.Input.AdvanceTo(error is null ? result.Buffer.GetPosition(reader.HeadLengthBytes) : result.Buffer.End);
            return error is null ? (response.Subprotocol, compression) : throw new WsHandshakeException(error)
            {
                Endpoint = target.Description,
                StatusCode = response.StatusCode,
                ReasonPhrase = response.ReasonPhrase,
                Location = response.Location,
                BodyExcerpt = response.BodyExcerpt,
            };
        }
    }

    private static WsDialException Located(WsDialException e, DialTarget target) => e is WsHandshakeException refused
        ? new WsHandshakeException(e.Message, e.InnerException)
        {
            Endpoint = target.Description,
            StatusCode = refused.StatusCode,
            ReasonPhrase = refused.ReasonPhrase,
            Location = refused.Location,
            BodyExcerpt = refused.BodyExcerpt,
        }
        : new WsDialException(e.Message, e.InnerException) { Endpoint = target.Description };

    /// <summary>Gives up a connection that nobody will run.</summary>
    internal static Task DropAsync(DialedConnection connection)
    {
        connection.Abort(null);
        return CompleteAsync(connection.Transport);
    }

    private static async Task DropAsync(Task<DialedConnection> late)
    {
        try
        {
            await DropAsync(await late);
        }
        catch (Exception)
        {
            // Nobody waits for it any more.
        }
    }

    private static async Task CompleteAsync(IDuplexPipe pipe)
    {
        try
        {
            await pipe.Output.CompleteAsync();
            await pipe.Input.CompleteAsync();
        }
        catch (Exception)
        {
            // A transport that fails while it is completed has nothing more to say.
        }
    }
}
