using System.Buffers;
using System.Net;
using Microsoft.Extensions.Logging;

namespace PipeWs.Transport.Connections;

/// <summary>What the connections of a listener have in common.</summary>
/// <param name="Logger">The transport's log.</param>
/// <param name="MemoryPool">What Kestrel takes its own buffers from.</param>
/// <param name="PrefersInline">Whether every reader goes on on its loop.</param>
/// <param name="Local">The address that is listened at.</param>
/// <param name="IsLocalExact">Whether that is every connection's own address too.</param>
internal sealed record ConnectionSetting(ILogger Logger, MemoryPool<byte> MemoryPool, bool PrefersInline, EndPoint Local, bool IsLocalExact);
