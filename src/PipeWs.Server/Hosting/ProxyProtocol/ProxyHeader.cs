using System.Net;

namespace PipeWs.Server;

/// <summary>A header of the PROXY protocol.</summary>
/// <param name="Version">1 or 2.</param>
/// <param name="Source">The client's address; null where the header names none that counts.</param>
/// <param name="Destination">The address it connected to; null likewise.</param>
/// <param name="LengthBytes">The header's length, all that belongs to it included.</param>
internal readonly record struct ProxyHeader(int Version, EndPoint? Source, EndPoint? Destination, int LengthBytes);

/// <summary>How far a header was read.</summary>
internal enum ProxyReadStatus
{
    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>It is complete.</summary>
    Complete,

    /// <summary>It is none.</summary>
    Malformed,
}
