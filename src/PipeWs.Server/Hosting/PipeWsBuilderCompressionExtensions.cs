using Microsoft.Extensions.DependencyInjection;

namespace PipeWs.Server;

/// <summary>Turns on compression.</summary>
public static class PipeWsBuilderCompressionExtensions
{
    /// <summary>
    /// Compresses messages where the client can too (permessage-deflate, RFC 7692), on every door. See <see cref="PipeWsOptions.Compression"/>, and
    /// <see cref="WsCompressionOptions"/> for what it costs. Where the configuration turns it off, with <c>"Compression": { "Enabled": false }</c> or <c>"Compression": false</c>, it stays off.
    /// </summary>
    /// <param name="builder">The hub's builder.</param>
    /// <param name="configure">Sets options, after the configuration; null for what it says, or the defaults.</param>
    public static IPipeWsBuilder UseCompression(this IPipeWsBuilder builder, Action<WsCompressionOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure<PipeWsOptions>(builder.Name, options =>
        {
            options.Compression ??= new WsCompressionOptions();
            configure?.Invoke(options.Compression);
        });
        return builder;
    }
}
