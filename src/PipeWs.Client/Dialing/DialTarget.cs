using System.Text;

namespace PipeWs.Client.Dialing;

/// <summary>What one dial is for: an endpoint, and what is asked of it.</summary>
internal sealed record DialTarget(Uri Endpoint)
{
    public IReadOnlyList<KeyValuePair<string, string>> Query { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public bool IsSecure => Endpoint.Scheme is "wss" or "https";

    public int Port => Endpoint.Port > 0 ? Endpoint.Port : IsSecure ? 443 : 80;

    /// <summary>The Host header: the port is left out where it is the scheme's.</summary>
    public string HostHeader => Port == (IsSecure ? 443 : 80) ? HostForUri : $"{HostForUri}:{Port}";

    private string HostForUri => Endpoint.HostNameType == UriHostNameType.IPv6 ? $"[{Endpoint.DnsSafeHost}]" : Endpoint.IdnHost;

    /// <summary>Path and query. Queries hold tokens: not for logs.</summary>
    public string Target
    {
        get
        {
            string target = Endpoint.PathAndQuery;
            if (Query.Count == 0)
            {
                return target;
            }

            var text = new StringBuilder(target);
            char separator = target.Contains('?', StringComparison.Ordinal) ? '&' : '?';
            foreach ((string name, string value) in Query)
            {
                text.Append(separator).Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
                separator = '&';
            }

            return text.ToString();
        }
    }

    /// <summary>Scheme, host, port and path, for people.</summary>
    public string Description => Describe(Endpoint);

    /// <summary>Whether a client can dial it.</summary>
    public static bool IsValid(Uri? endpoint) =>
        endpoint is { IsAbsoluteUri: true, Scheme: "ws" or "wss", Fragment: "", UserInfo: "" } && endpoint.IdnHost.Length > 0;

    public static string Describe(Uri endpoint) => endpoint.GetComponents(UriComponents.Scheme | UriComponents.Host | UriComponents.Port | UriComponents.Path, UriFormat.UriEscaped);
}
