using System.IO.Pipelines;
using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace PipeWs.Testing;

/// <summary>A <see cref="MemoryLink"/> as Kestrel would show it to its connection middleware.</summary>
internal sealed class MemoryConnectionContext : ConnectionContext, IConnectionLifetimeNotificationFeature
{
    private readonly MemoryLink _link;

    public MemoryConnectionContext(MemoryLink link, bool isSecure, CancellationToken stopping)
    {
        _link = link;
        Transport = link.Server;
        ConnectionClosed = link.Closed;
        LocalEndPoint = link.LocalEndPoint;
        RemoteEndPoint = link.RemoteEndPoint;
        ConnectionClosedRequested = stopping;
        Features.Set<IConnectionLifetimeNotificationFeature>(this);
        if (isSecure)
        {
            Features.Set<ITlsHandshakeFeature>(new Tls());
        }
    }

    public override string ConnectionId { get; set; } = Guid.NewGuid().ToString("N");

    public override IDuplexPipe Transport { get; set; }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

    public override CancellationToken ConnectionClosed { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public CancellationToken ConnectionClosedRequested { get; set; }

    public override void Abort(ConnectionAbortedException abortReason) => _link.AbortByServer(abortReason);

    public override void Abort() => _link.AbortByServer(null);

    public void RequestClose() => Abort();

    private sealed class Tls : ITlsHandshakeFeature
    {
        public SslProtocols Protocol => SslProtocols.Tls13;

#pragma warning disable SYSLIB0058 // The interface asks for them.
        public CipherAlgorithmType CipherAlgorithm => CipherAlgorithmType.Aes256;

        public int CipherStrength => 256;

        public HashAlgorithmType HashAlgorithm => HashAlgorithmType.Sha256;

        public int HashStrength => 256;

        public ExchangeAlgorithmType KeyExchangeAlgorithm => ExchangeAlgorithmType.DiffieHellman;

        public int KeyExchangeStrength => 256;
#pragma warning restore SYSLIB0058
    }
}
