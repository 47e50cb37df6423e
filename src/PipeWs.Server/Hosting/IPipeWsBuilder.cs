using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server;

/// <summary>
/// Configures one hub. A hub has raw handlers (<c>OnText</c>, <c>OnBinary</c>) or JSON actions (<c>MapAction</c>) for its text messages, not both;
/// the builder's extension methods hold every form.
/// </summary>
public interface IPipeWsBuilder
{
    /// <summary>The hub's name; empty for the default hub.</summary>
    string Name { get; }

    /// <summary>The application's services.</summary>
    IServiceCollection Services { get; }
}
