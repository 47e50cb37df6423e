using PipeWs.Conformance.Matrix;

namespace PipeWs.Conformance.Subjects;

/// <summary>A side under test, which echoes every message.</summary>
internal interface ISubject : IAsyncDisposable
{
    /// <summary>What it is called on the command line and in results.</summary>
    string Name { get; }

    bool IsServer { get; }

    /// <summary>A new connection to it, past the handshake.</summary>
    /// <param name="setup">How it is set up.</param>
    /// <param name="extensions">The peer's Sec-WebSocket-Extensions; null for none.</param>
    Task<CaseConnection> OpenAsync(Setup setup, string? extensions);
}
