using PipeWs.Messages;

namespace PipeWs.Server.Routing;

/// <summary>The settings of a <see cref="Router"/>.</summary>
internal sealed record RouterOptions
{
    /// <summary>The names of the discriminator and the body. The default: <c>action</c> or <c>type</c>, <c>data</c> or <c>payload</c>.</summary>
    public EnvelopeNames Names { get; init; } = EnvelopeNames.Default;

    /// <summary>How many topics one subscribe may name. The default is 128.</summary>
    public int MaxTopicsPerMessage { get; init; } = 128;

    /// <summary>Whether the router checks that text is UTF-8. The default is false: the connection has.</summary>
    public bool ValidateUtf8 { get; init; }
}
