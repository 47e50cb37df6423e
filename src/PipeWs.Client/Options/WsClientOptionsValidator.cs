using System.Globalization;
using Microsoft.Extensions.Options;
using PipeWs.Client.Dialing;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Client;

/// <summary>Judges the options before a client is made: every message names the option, its value and what is allowed.</summary>
internal sealed class WsClientOptionsValidator : IValidateOptions<WsClientOptions>
{
    private const string VisibleAscii = "visible ASCII without line breaks, and without spaces at its ends";

    // Timers count milliseconds in 32 bits.
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(int.MaxValue);

    public static void ThrowIfInvalid(WsClientOptions options)
    {
        List<string> failures = FindFailures(options.Name, options);
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(options.Name, typeof(WsClientOptions), failures);
        }
    }

    public ValidateOptionsResult Validate(string? name, WsClientOptions options)
    {
        List<string> failures = FindFailures(name, options);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static List<string> FindFailures(string? name, WsClientOptions options)
    {
        var check = new Check(string.IsNullOrEmpty(name) ? "PipeWs client" : $"PipeWs client '{name}'");
        if (options.Endpoints.Count == 0 && options.TokenProvider is null)
        {
            check.Fail(nameof(options.Endpoints), "empty", "at least one endpoint where there is no token provider to name one");
        }

        check.Each(nameof(options.Endpoints), options.Endpoints, DialTarget.IsValid, static uri => uri is { IsAbsoluteUri: true } ? DialTarget.Describe(uri) : "not absolute", "an absolute ws: or wss: address without userinfo and fragment, such as 'wss://example.com/ws'");
        check.Each(nameof(options.Subprotocols), options.Subprotocols, SubprotocolNegotiator.IsSubprotocol, static text => text, "a token (RFC 6455, 11.5)");
        if (options.Subprotocols.Distinct().Count() < options.Subprotocols.Count)
        {
            check.Fail(nameof(options.Subprotocols), string.Join(", ", options.Subprotocols), "without one that is named twice (RFC 6455, 4.1)");
        }

        if (options.Origin is { } origin && !HttpSyntax.IsFieldValue(origin))
        {
            check.Fail(nameof(options.Origin), origin, $"{VisibleAscii} (RFC 9110, 5.5)");
        }

        check.Each(nameof(options.Headers), options.Headers.Keys, static header => HttpSyntax.IsToken(header), static header => header, "a token as the header's name (RFC 9110, 5.1)");
        check.Each(nameof(options.Headers), options.Headers.Keys, static header => !IsReserved(header), static header => header, "a header that is not the handshake's own");
        foreach ((string header, string value) in options.Headers)
        {
            if (value is null || !HttpSyntax.IsFieldValue(value))
            {
                // It may be a secret.
                check.Fail($"{nameof(options.Headers)}[{header}]", value is null ? "null" : "not shown here", $"{VisibleAscii} (RFC 9110, 5.5)");
            }
        }

        if (options.TokenPlacement == WsTokenPlacement.Query && string.IsNullOrEmpty(options.TokenParameter))
        {
            check.Fail(nameof(options.TokenParameter), "empty", "a name where the token stands in the query");
        }

        check.Time(nameof(options.DialTimeout), options.DialTimeout);
        check.Time(nameof(options.ReadyTimeout), options.ReadyTimeout);
        check.Time(nameof(options.TokenTimeout), options.TokenTimeout);
        check.Time(nameof(options.PingInterval), options.PingInterval, orInfinite: true);
        check.Time(nameof(options.PongTimeout), options.PongTimeout);
        check.Time(nameof(options.FrameTimeout), options.FrameTimeout);
        check.Time(nameof(options.CloseTimeout), options.CloseTimeout);
        check.Time(nameof(options.WriteTimeout), options.WriteTimeout);
        check.Time(nameof(options.OfflineQueueAge), options.OfflineQueueAge);
        check.Time(nameof(options.StableAfter), options.StableAfter, orZero: true);
        check.Time(nameof(options.TokenRefreshMargin), options.TokenRefreshMargin, orZero: true);
        check.Range(nameof(options.MaxMessageBytes), options.MaxMessageBytes, 1, int.MaxValue);
        check.Range(nameof(options.ReadMessageBuffer), options.ReadMessageBuffer, 1, int.MaxValue);
        check.Range(nameof(options.ReadBufferBytes), options.ReadBufferBytes, 1, long.MaxValue);
        check.Range(nameof(options.WriteMessageBuffer), options.WriteMessageBuffer, 1, int.MaxValue);
        check.Range(nameof(options.WriteBacklogBytes), options.WriteBacklogBytes, 1, int.MaxValue);
        check.Range(nameof(options.OfflineQueueCount), options.OfflineQueueCount, 0, int.MaxValue);
        check.Range(nameof(options.EventBuffer), options.EventBuffer, 1, int.MaxValue);
        if (options.Compression is { } compression)
        {
            foreach ((string option, string value, string allowed) in compression.FindProblems())
            {
                check.Fail($"{nameof(options.Compression)}.{option}", value, allowed);
            }

            if (!DeflateSupport.IsSupported)
            {
                check.Fail(nameof(options.Compression), "set", "null in this process, whose framework has no zlib of the kind that is needed");
            }
        }

        check.Defined(nameof(options.ReadFullMode), options.ReadFullMode);
        check.Defined(nameof(options.WriteFullMode), options.WriteFullMode);
        check.Defined(nameof(options.TokenPlacement), options.TokenPlacement);
        check.NotNull(nameof(options.ReconnectPolicy), options.ReconnectPolicy);
        check.NotNull(nameof(options.TimeProvider), options.TimeProvider);
        return check.Failures;
    }

    private static bool IsReserved(string header) =>
        header.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase)
        || header.ToUpperInvariant() is "HOST" or "UPGRADE" or "CONNECTION" or "CONTENT-LENGTH" or "TRANSFER-ENCODING" or "ORIGIN";

    private sealed class Check(string subject)
    {
        public List<string> Failures { get; } = [];

        public void Range(string option, long value, long min, long max)
        {
            if (value < min || value > max)
            {
                Fail(option, value.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"between {min} and {max}"));
            }
        }

        public void Time(string option, TimeSpan value, bool orInfinite = false, bool orZero = false)
        {
            bool isShort = orZero ? value < TimeSpan.Zero : value <= TimeSpan.Zero;
            if ((isShort || value > s_longest) && !(orInfinite && value == Timeout.InfiniteTimeSpan))
            {
                Fail(option, value.ToString(), $"{(orZero ? "at least" : "more than")} 00:00:00 and at most {s_longest}{(orInfinite ? ", or infinite (-00:00:00.0010000)" : "")}");
            }
        }

        public void Each<T>(string option, IEnumerable<T> values, Func<T, bool> isValid, Func<T, string> describe, string what)
        {
            foreach (T value in values)
            {
                if (value is null || !isValid(value))
                {
                    Fail(option, value is null ? "null" : describe(value), what);
                }
            }
        }

        public void Defined<T>(string option, T value)
            where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
            {
                Fail(option, value.ToString(), $"one of {string.Join(", ", Enum.GetNames<T>())}");
            }
        }

        public void NotNull(string option, object? value)
        {
            if (value is null)
            {
                Fail(option, "null", "set");
            }
        }

        public void Fail(string option, string value, string allowed) => Failures.Add($"{subject}: {option} is '{value}'; it must be {allowed}.");
    }
}
