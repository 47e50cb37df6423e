namespace PipeWs.Demo.Diagnostics;

/// <summary>Where metrics and traces go.</summary>
/// <param name="Endpoint">The collector's address, such as <c>http://127.0.0.1:4318</c>; null where the exporter reads it from the environment.</param>
internal sealed record OtlpOptions(Uri? Endpoint)
{
    /// <summary>The collector's port for OTLP over gRPC.</summary>
    private const int GrpcPort = 4317;

    /// <summary>Whether the collector is spoken to with gRPC, by its port; otherwise HTTP.</summary>
    public bool IsGrpc => Endpoint?.Port == GrpcPort;

    /// <summary>Reads <c>--otlp URL</c>, or that the environment names a collector.</summary>
    /// <returns>Null where nobody asks for an export.</returns>
    /// <exception cref="FormatException">The address makes no sense.</exception>
    public static OtlpOptions? From(IConfiguration configuration)
    {
        if (configuration["otlp"] is { Length: > 0 } text)
        {
            return Uri.TryCreate(text, UriKind.Absolute, out Uri? endpoint) && endpoint.Scheme is "http" or "https"
                ? new OtlpOptions(endpoint)
                : throw new FormatException($"--otlp {text}: it is the address of a collector, such as http://127.0.0.1:4318 (HTTP) or http://127.0.0.1:4317 (gRPC).");
        }

        return configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 } ? new OtlpOptions(Endpoint: null) : null;
    }

    /// <summary>Where one kind of data goes.</summary>
    /// <param name="signal"><c>metrics</c> or <c>traces</c>.</param>
    public Uri? For(string signal) => Endpoint is null || IsGrpc ? Endpoint : new Uri(Endpoint.ToString().TrimEnd('/') + "/v1/" + signal);
}
