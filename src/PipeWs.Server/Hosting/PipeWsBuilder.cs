using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server;

/// <summary>The builder that <c>AddPipeWs</c> gives.</summary>
internal sealed class PipeWsBuilder(string name, IServiceCollection services) : IPipeWsBuilder
{
    public string Name { get; } = name;

    public IServiceCollection Services { get; } = services;
}

/// <summary>That a hub of this name was added.</summary>
internal sealed record HubName(string Name);
